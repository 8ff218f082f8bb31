# Names and files of arXiv 2312.02021 that its evaluation and its artefacts read.
from replidg.artefacts_vltseg import PANEL_PAGES
from replidg.config import vltseg_facts, vltseg_tests
from replidg.reporting.vltseg_names import Options, arm_name

SEG_CONFUSIONS = vltseg_tests.paths(CONFIG, "confusion")
SEG_PERTURBED = vltseg_tests.paths(CONFIG, "perturbed")
SEG_RUNS = vltseg_arms.runs(CONFIG)
SEG_OPTIONS = vltseg_facts.options(CONFIG)
# Pages of the registry, as the paper's numbers name data sets, and the data sets that are shown.
SEG_SHOWN = {
    vltseg_facts.page(CONFIG, dataset): dataset
    for dataset in (CONFIG.vltseg.panels.images if CONFIG.vltseg.panels else ())
}
SEG_FIGURES = names_of(
    "vltseg", "figure", without=("tsne", *(f"panels_{page}" for page in PANEL_PAGES))
)
SEG_TABLES = names_of("vltseg", "table", without=("t6",))


def seg_keys(found):
    """Source, arm, seed and page of the registry of each file."""
    return [[*run, vltseg_facts.page(CONFIG, dataset)] for *run, dataset in found]


def seg_printed(arm):
    """The name of an arm as figures and tables print it."""
    return arm_name(arm, Options(**SEG_OPTIONS).networks())


def seg_shown(kind, dataset):
    """Files of one kind on a data set, by the printed name of the arm, in the study's order."""
    study = CONFIG.vltseg.panels if kind == "panels" else CONFIG.vltseg.tsne
    found = {
        key[1]: path
        for key, path in vltseg_tests.paths(CONFIG, kind).items()
        if key[-1] == dataset
    }
    return {seg_printed(arm): found[arm] for arm in study.arms if arm in found}
