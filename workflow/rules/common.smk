import re

import replidg.config
from replidg import artefacts
from replidg.config.check import BUDGET_ONLY, fine_tuning

try:
    CONFIG = replidg.config.load(config)
except replidg.config.ConfigError as error:
    raise WorkflowError(str(error)) from None

# Defaults filled in, so that `lookup` finds every key and a rule sees just those that it reads.
config.clear()
config.update(CONFIG.model_dump(mode="json"))

PAPER = CONFIG.alignment
CHECKPOINTS = "checkpoints"
TRAINED = [name for name, model in CONFIG.models.items() if model.source == "train"]
TIMM = [name for name, model in CONFIG.models.items() if model.source == "timm"]
FINE_TUNED = [
    name for name in PAPER.methods if CONFIG.methods[name].objective != "zero_shot"
]
ALL_TARGETS, ALL_SEEDS = "all_targets", "all_seeds"


def any_of(names):
    """Return a regular expression that matches exactly the given names."""
    return "|".join(map(re.escape, names)) or "(?!)"


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


def model_facts(wildcards):
    """The model a job needs: CLIPs of this run are trained, others retrieved."""
    return f"results/models/{wildcards.model}/model.json"


def indexed_domains(wildcards):
    """Every domain on disk; domains that only pretrain a CLIP are indexed too."""
    dataset = CONFIG.datasets[wildcards.dataset]
    return getattr(dataset, "tree", dataset.domains)


def target_domains(wildcards):
    return CONFIG.datasets[wildcards.dataset].domains


def embeddings(model, preprocessing, dataset):
    return f"results/embeddings/{model}/{preprocessing}/{dataset}/images.safetensors"


def class_texts(model, prompts, dataset):
    return f"results/embeddings/{model}/{prompts}/{dataset}/texts.safetensors"


def scored_images(wildcards):
    """Image embeddings of an AlignmentScore variant."""
    variant = PAPER.scores[wildcards.variant]
    return embeddings(wildcards.model, variant.preprocessing, wildcards.dataset)


def scored_texts(wildcards):
    """Class texts of an AlignmentScore variant."""
    variant = PAPER.scores[wildcards.variant]
    return class_texts(wildcards.model, variant.prompts, wildcards.dataset)


def zero_shot_images(wildcards):
    return embeddings(wildcards.model, PAPER.zero_shot.preprocessing, wildcards.dataset)


def zero_shot_texts(wildcards):
    return class_texts(wildcards.model, PAPER.zero_shot.prompts, wildcards.dataset)


def protocol(wildcards):
    """Training protocol of a data set: what affects the result, so a change of it trains again."""
    whole = fine_tuning(CONFIG, wildcards.dataset)
    return whole.model_dump(mode="json", exclude=BUDGET_ONLY)


def training_threads(wildcards):
    return fine_tuning(CONFIG, wildcards.dataset).threads


def job_targets(wildcards):
    everything = wildcards.target == ALL_TARGETS
    return target_domains(wildcards) if everything else [wildcards.target]


def job_seeds(wildcards):
    everything = wildcards.seed == ALL_SEEDS
    return PAPER.seeds if everything else [int(wildcards.seed.removeprefix("seed"))]


def runs(dataset, method):
    """Folders of the jobs that train a method on a data set; a job may hold several runs."""
    together = PAPER.runs_per_job
    targets = CONFIG.datasets[dataset].domains if together == "one" else [ALL_TARGETS]
    seeds = (
        [ALL_SEEDS] if together == "all" else [f"seed{seed}" for seed in PAPER.seeds]
    )
    return [
        f"results/runs/alignment/{dataset}/{target}/{method}/{seed}"
        for target in targets
        for seed in seeds
    ]


def trained_runs():
    """Every training job of the alignment paper."""
    return [
        run
        for dataset in PAPER.datasets
        for m in FINE_TUNED
        for run in runs(dataset, m)
    ]


def predictions(wildcards):
    """Predictions of every method of the alignment paper, zero-shot among them."""
    zero_shot = [
        f"results/zero_shot/{PAPER.model}/{dataset}/predictions.parquet"
        for dataset in PAPER.datasets
        if any(CONFIG.methods[name].objective == "zero_shot" for name in PAPER.methods)
    ]
    return zero_shot + [f"{run}/predictions.parquet" for run in trained_runs()]


def splits(variant=PAPER.score, model=PAPER.model):
    """Split files of the alignment paper's data sets, in the order of the configuration."""
    return [
        f"results/alignment/{model}/{variant}/{d}/split.parquet" for d in PAPER.datasets
    ]


def artefact_files(chosen):
    return [path for artefact in chosen for path in artefacts.files(artefact)]
