import re
from pathlib import Path

from snakemake.resources import Resource

import replidg.config
from replidg import artefacts, orphans
from replidg.data import availability
from replidg.config import files, provides, similarity_check, vltseg_arms
from replidg.config.check import BUDGET_ONLY, run_protocol
from replidg.config.methods import TEXT_OBJECTIVES
from replidg.models import random_weights

try:
    # Snakemake knows nothing of files that are based on others: they are merged once more.
    if files.BASE in config:
        given = [Path("config.yaml"), *workflow.overwrite_configfiles]
        CONFIG = replidg.config.load(
            files.merged(given, workflow.config_settings.config)
        )
    else:
        CONFIG = replidg.config.load(config)
except replidg.config.ConfigError as error:
    raise WorkflowError(str(error)) from None

# Defaults filled in, so that `setting` finds every key and a rule sees just those that it reads.
config.clear()
config.update(CONFIG.model_dump(mode="json", exclude={"planning"}))

random_weights.allow(CONFIG.random_weights != "never")

PAPER = CONFIG.alignment
CHECKPOINTS = "checkpoints"
CONVERTED = [
    name
    for name, dataset in CONFIG.datasets.items()
    if availability.facts_path(name, dataset).is_relative_to(availability.PREPARED)
]
TRAINED = [name for name, model in CONFIG.models.items() if model.source == "train"]
TIMM = [name for name, model in CONFIG.models.items() if model.source == "timm"]
FINE_TUNED = [
    name for name in PAPER.methods if CONFIG.methods[name].objective != "zero_shot"
]
ALL_TARGETS, ALL_SEEDS = "all_targets", "all_seeds"
# What artefacts need and this configuration has; the others stay targets that say what is missing.
PROVIDED = provides.provided(CONFIG)
ARTEFACTS = [a for a in artefacts.ARTEFACTS if artefacts.available(a, PROVIDED)]
PAGES = provides.paper_datasets(CONFIG)
SPLITTING = provides.splitting_backbones(CONFIG)
NOISE = PAPER.annotation.noise
SEG_DATASETS = vltseg_arms.datasets(CONFIG)
FORGOTTEN_DATASETS = provides.forgotten_datasets(CONFIG)
FORGOTTEN_NUMBERS = PROVIDED & {"forgotten:labels", "forgotten:pools"}
# The report checks them where it shows that paper: without labels it does not.
FORGOTTEN_SHOWN = (
    FORGOTTEN_DATASETS if any(a.paper == "forgotten" for a in ARTEFACTS) else []
)
FILLED_SHEET = "results/alignment/annotation/filled.csv"


def any_of(names):
    """Return a regular expression that matches exactly the given names."""
    return "|".join(map(re.escape, names)) or "(?!)"


def setting(path, **default):
    """Return a function of the wildcards that reads one key of the configuration.

    As Snakemake's `lookup`, which walks the whole configuration for every job: thousands of jobs
    took three times as long to plan.
    """
    keys = path.split("/")

    def value(wildcards):
        found = config
        for key in keys:
            key = key.format(**wildcards)
            if default and key not in found:
                return default["default"]
            found = found[key]
        return found

    return value


def grows(amount):
    """Return what a job asks for: as much again each time that it is tried again.

    Megabytes as a number, time as text ("12h"). `--resources mem_mb=... runtime=...`, best in a
    profile, is the most that a job gets. Above a job's own need 500 MB are for the two Snakemakes
    that Slurm's plugin runs in it.
    """
    once = Resource.parse_human_friendly("runtime", amount)

    def grown(wildcards, attempt):
        return once * attempt

    return grown


def alone(execute):
    """Return what runs the workflow, made to end the cluster jobs of a killed run first.

    A job that is ended takes its unfinished files with it, so that must be before Snakemake looks
    which files are there; its `onstart` comes after.
    """

    def run(*args, **kwargs):
        if workflow.is_main_process and not workflow.output_settings.dryrun:
            try:
                for log in workflow.logger_manager.get_logfile():
                    orphans.end(Path(log))
            except orphans.OrphanError as error:
                raise WorkflowError(str(error)) from None
        return execute(*args, **kwargs)

    return run


wildcard_constraints:
    dataset=any_of(CONFIG.datasets),
    model=any_of(CONFIG.models),
    preprocessing=any_of(CONFIG.preprocessing),
    prompts=any_of(CONFIG.prompts),
    variant=any_of(PAPER.scores),
    method=any_of(CONFIG.methods),
    target=any_of(
        [ALL_TARGETS, *{d for s in CONFIG.datasets.values() for d in s.domains}]
    ),
    seed=rf"seed\d+|{ALL_SEEDS}",


def only_planned():
    """Whether this plans as if all that a user has to give were there; never so in a real run."""
    if CONFIG.planning and not workflow.dryrun:
        raise WorkflowError(
            "planning: true is for dry runs, as ./replidg budget makes them: leave it out"
        )
    return CONFIG.planning


def obtainable(wildcards):
    """No files: a check, while the DAG is built, that the data set can be had without its user."""
    if only_planned():
        return []
    name = wildcards.dataset
    root, mirrors = CONFIG.data_root.get(name), CONFIG.data_mirrors.get(name, [])
    problem = availability.problem(name, CONFIG.datasets[name], root, mirrors)
    if problem:
        raise WorkflowError(problem)
    return []


def retrieved(wildcards):
    """What of a data set's configuration decides its files; how many are indexed does not."""
    dataset = config["datasets"][wildcards.dataset]
    return {key: value for key, value in dataset.items() if key != "index_images"}


def checked(dataset):
    """Facts of a data set as the other stages read it: converted, where it needs that."""
    return str(availability.facts_path(dataset, CONFIG.datasets[dataset]))


def checked_dataset(wildcards):
    return checked(wildcards.dataset)


def model_facts(wildcards):
    """The model a job needs: CLIPs of this run are trained, others retrieved."""
    return f"results/models/{wildcards.model}/model.json"


def indexed_domains(wildcards):
    """Every domain on disk; domains that only pretrain a CLIP are indexed too."""
    dataset = CONFIG.datasets[wildcards.dataset]
    return getattr(dataset, "tree", dataset.domains)


def target_domains(wildcards):
    return CONFIG.datasets[wildcards.dataset].domains


def image_stores(dataset, *uses):
    """Facts of the stores that hold a data set's images for some uses; none: they read files."""
    named = [getattr(CONFIG.image_store, use).get(dataset) for use in uses]
    return [f"results/images/{name}/{dataset}/store.json" for name in named if name]


def training_images(wildcards):
    return image_stores(wildcards.dataset, "training", "evaluation")


def embedding_images(wildcards):
    return image_stores(wildcards.dataset, "embedding")


def embeddings(model, preprocessing, dataset):
    return f"results/embeddings/{model}/{preprocessing}/{dataset}/images.safetensors"


def class_texts(model, prompts, dataset):
    return f"results/embeddings/{model}/{prompts}/{dataset}/texts.safetensors"


def scored_images(wildcards):
    """Image embeddings of an AlignmentScore variant; the one that splits if none is asked for."""
    variant = PAPER.scores[wildcards.get("variant", PAPER.score)]
    return embeddings(wildcards.model, variant.preprocessing, wildcards.dataset)


def scored_texts(wildcards):
    """Class texts of an AlignmentScore variant; the one that splits if none is asked for."""
    variant = PAPER.scores[wildcards.get("variant", PAPER.score)]
    return class_texts(wildcards.model, variant.prompts, wildcards.dataset)


def zero_shot_images(wildcards):
    return embeddings(wildcards.model, PAPER.zero_shot.preprocessing, wildcards.dataset)


def zero_shot_texts(wildcards):
    return class_texts(wildcards.model, PAPER.zero_shot.prompts, wildcards.dataset)


def perceptual_images(wildcards):
    """Image embeddings whose neighbours are searched; `{model}` says whose artefacts they serve."""
    model = PAPER.perceptual.model or wildcards.model
    return embeddings(
        model, similarity_check.perceptual_preprocessing(CONFIG), wildcards.dataset
    )


def corpus_at_hand(wildcards):
    """No files: a check, while the DAG is built, that there is a corpus to search."""
    problem = similarity_check.missing_corpus(CONFIG)
    if problem and not only_planned():
        raise WorkflowError(problem)
    return []


def corpus_images(wildcards):
    """Embeddings of the pretraining corpus, where it is a part of a data set."""
    dataset = similarity_check.corpus_dataset(CONFIG)
    if dataset is None:
        return []
    model = PAPER.perceptual.model or wildcards.model
    return embeddings(model, similarity_check.perceptual_preprocessing(CONFIG), dataset)


def corpus_index(wildcards):
    dataset = similarity_check.corpus_dataset(CONFIG)
    return [] if dataset is None else f"results/data/{dataset}/index.parquet"


def own_sizes(wildcards):
    """A user's file of object sizes, where it is configured."""
    how = PAPER.object_size
    return how.path.format(dataset=wildcards.dataset) if how.source == "csv" else []


def trained_model(wildcards):
    """What of a CLIP that this run trains decides its weights."""
    model = config["models"][wildcards.model]
    training = model["training"]
    kept = {key: training[key] for key in training if key not in BUDGET_ONLY}
    return model | {"training": kept}


def job_protocol(wildcards):
    """Training protocol of a method on a data set with a backbone."""
    w = wildcards
    return run_protocol(CONFIG, w.model, w.dataset, w.method)


def protocol(wildcards):
    """What of the protocol affects the result, so that a change of it trains again."""
    return job_protocol(wildcards).model_dump(mode="json", exclude=BUDGET_ONLY)


def training_threads(wildcards):
    return job_protocol(wildcards).threads


def training_preprocessing(wildcards):
    return config["preprocessing"][job_protocol(wildcards).preprocessing]


def training_texts(wildcards):
    """Class texts, for methods that train with them."""
    method = CONFIG.methods[wildcards.method].for_dataset(wildcards.dataset)
    if method.objective not in TEXT_OBJECTIVES:
        return []
    return class_texts(wildcards.model, method.prompts, wildcards.dataset)


def chosen_targets(dataset):
    """Domains that the alignment paper's trainings leave out in turn."""
    domains = CONFIG.datasets[dataset].domains
    return [name for name in domains if not PAPER.targets or name in PAPER.targets]


def job_targets(wildcards):
    everything = wildcards.target == ALL_TARGETS
    return chosen_targets(wildcards.dataset) if everything else [wildcards.target]


def job_seeds(wildcards):
    everything = wildcards.seed == ALL_SEEDS
    return PAPER.seeds if everything else [int(wildcards.seed.removeprefix("seed"))]


def runs(dataset, method, model=PAPER.model):
    """Folders of the jobs that train a method on a data set; a job may hold several runs."""
    together = PAPER.runs_per_job
    targets = chosen_targets(dataset) if together == "one" else [ALL_TARGETS]
    seeds = (
        [ALL_SEEDS] if together == "all" else [f"seed{seed}" for seed in PAPER.seeds]
    )
    return [
        f"results/runs/alignment/{model}/{dataset}/{target}/{method}/{seed}"
        for target in targets
        for seed in seeds
    ]


def trained_runs():
    """Every training job of the alignment paper's own backbone."""
    return [
        run
        for dataset in PAPER.datasets
        for m in FINE_TUNED
        for run in runs(dataset, m)
    ]


def backbone_runs():
    """Every training job of the other backbones (Tables 2 and 4)."""
    return [
        run
        for model, other in PAPER.backbones.items()
        for dataset in other.datasets
        for method in other.methods
        for run in runs(dataset, method, model)
    ]
