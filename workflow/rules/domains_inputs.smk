# Names and files of the domain classifiers of arXiv 2410.08258 that several rules read.

from replidg import artefacts_forgotten
from replidg.config import forgotten_sets

FORGOTTEN = CONFIG.forgotten
CORPUS = FORGOTTEN.corpus
DOMAINS = FORGOTTEN.domains
FORGOTTEN_SETS = FORGOTTEN.test_sets
FORGOTTEN_TESTED = forgotten_sets.datasets_of(FORGOTTEN_SETS)
SHARDS_FOLDER = f"resources/shards/{CORPUS.dataset}"
# Name of a job: what it makes.
CLASSIFIER_JOBS = (
    {"all_classifiers": list(DOMAINS.classifiers)}
    if DOMAINS.runs_per_job == "all"
    else {name: [name] for name in DOMAINS.classifiers}
)
DATASET_JOBS = (
    {"all_datasets": FORGOTTEN_DATASETS}
    if DOMAINS.datasets_per_job == "all"
    else {name: [name] for name in FORGOTTEN_DATASETS}
)
# Embeddings are kept only where somebody reads them.
KEEPS_EMBEDDINGS = bool(CORPUS.deduplication or CORPUS.pruned)


def forgotten_indexes(datasets):
    return expand("results/data/{dataset}/index.parquet", dataset=datasets)


def shard_sources(wildcards):
    """What the list of shards is made from."""
    if CORPUS.source == "standin":
        return {"index": f"results/data/{CORPUS.dataset}/index.parquet"}
    if CORPUS.source == "folder":
        return {}
    parts = range(CORPUS.download_jobs)
    return {"downloads": [f"{SHARDS_FOLDER}/downloads/{part}.json" for part in parts]}


def labelled_sources(wildcards):
    """What labels are collected from; an error that says how to get some, where there are none."""
    labels = DOMAINS.labels
    given = {"files": [*labels.sheets, *labels.files]}
    if not given["files"] and labels.truth is None and not only_planned():
        raise WorkflowError(
            "the domain classifiers need labelled pictures, which the paper's authors never "
            "published. Make pages for labelling with the target forgotten_sheets, fill them, "
            "and name the csv files in forgotten.domains.labels.sheets; or name a csv of your "
            "own (image, label) in forgotten.domains.labels.files"
        )
    if labels.sheets or labels.truth:
        given["sample"] = "results/forgotten/labelled/sample.parquet"
    return given


def classifier_files(name, names=None):
    """A file of each classifier."""
    return [
        f"results/forgotten/classifiers/{classifier}/{name}"
        for classifier in (names or DOMAINS.classifiers)
    ]


def filter_parts(suffix):
    """A file of each filter job."""
    return [f"results/forgotten/filter/{n}.{suffix}" for n in range(CORPUS.jobs)]


def domain_tables(datasets):
    return [f"results/forgotten/domains/{name}/domains.parquet" for name in datasets]


def domain_vectors(datasets):
    return [f"results/forgotten/domains/{name}/images.safetensors" for name in datasets]


def clip_flags(name):
    model = CONFIG.models[name]
    return {
        "frozen_batchnorm": model.frozen_batchnorm,
        "channels_last": model.channels_last,
    }


# What of the classifiers' configuration decides their results.
CLASSIFYING = {
    key: config["forgotten"]["domains"][key]
    for key in (
        "classifiers",
        "ft",
        "dr",
        "density_ratio",
        "neighbours",
        "style_weights",
    )
}
