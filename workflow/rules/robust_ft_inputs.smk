# Names and files of arXiv 2311.02236 that several rules read.
from replidg.config.compute import Compute
from replidg.config.robust_ft import AUGMENTING, AVERAGING

# None: the paper is left out, and has no files.
ROBUST = CONFIG.robust_ft
ROBUST_DATASETS = dict(ROBUST.datasets) if ROBUST else {}
ROBUST_METRICS = {name: scored.metric for name, scored in ROBUST_DATASETS.items()}
ALL_RUNS = "all_runs"


def robust_arms(*kinds):
    return [name for name, arm in ROBUST.arms.items() if arm.kind in kinds]


def robust_tower(arm):
    """The backbone of an arm and its preprocessing."""
    return ROBUST.clip if ROBUST.arms[arm].tower == "clip" else ROBUST.vision


def robust_clips():
    return [ROBUST.clip.model] if ROBUST else []


def robust_model(wildcards):
    return f"results/models/{robust_tower(wildcards.arm).model}/model.json"


def robust_embeddings(wildcards):
    tower = robust_tower(wildcards.arm)
    return embeddings(tower.model, tower.preprocessing, wildcards.dataset)


def robust_preprocessing(wildcards):
    return config["preprocessing"][robust_tower(wildcards.arm).preprocessing]


def robust_model_flags(wildcards):
    model = CONFIG.models[robust_tower(wildcards.arm).model]
    return {
        "frozen_batchnorm": model.frozen_batchnorm,
        "channels_last": model.channels_last,
    }


def robust_arm(wildcards):
    """What is trained, and how; which runs of it a job has is in `robust_choices`."""
    which = {"rates", "fractions", "datasets"}
    return ROBUST.arms[wildcards.arm].model_dump(mode="json", exclude=which)


def robust_training(wildcards):
    """What of the protocol affects this arm's results, so that a change of it trains again."""
    arm, unused = ROBUST.arms[wildcards.arm], set(BUDGET_ONLY)
    if not arm.swa:
        unused |= AVERAGING
    if arm.kind == "linear_probe":
        unused |= AUGMENTING | set(Compute.model_fields)
    return ROBUST.training.model_dump(mode="json", exclude=unused)


def robust_interpolation(wildcards):
    wise = ROBUST.interpolation
    return wise.model_dump() if wise and wise.arm == wildcards.arm else None


def robust_runs(arm):
    """Runs of an arm by job: name of the job, and its fractions, rates and seeds."""
    if ROBUST.arms[arm].kind == "zero_shot":
        return {ALL_RUNS: [(0.0, 0.0, 0)]}
    how = ROBUST.arms[arm]
    runs = [
        (fraction, rate, seed)
        for fraction in how.fractions or ROBUST.fractions
        for rate in how.rates or ROBUST.rates
        for seed in ROBUST.seeds
    ]
    together = "all" if how.kind == "linear_probe" else ROBUST.runs_per_job
    if together == "all":
        return {ALL_RUNS: runs}
    jobs = {}
    for f, r, s in runs:
        seeds = "all_seeds" if together == "seeds" else f"seed{s}"
        jobs.setdefault(f"fraction{f:g}_rate{r:g}_{seeds}", []).append((f, r, s))
    return jobs


def robust_choices(wildcards):
    w = wildcards
    jobs = robust_runs(w.arm)
    if w.runs not in jobs:
        raise WorkflowError(
            f"results/runs/robust_ft/{w.dataset}/{w.arm}/{w.runs}: this configuration has no such "
            f"job; with robust_ft.runs_per_job: {ROBUST.runs_per_job} one is {next(iter(jobs))}"
        )
    return jobs[w.runs]


def robust_predictions(arm, dataset):
    return [
        f"results/runs/robust_ft/{dataset}/{arm}/{job}/predictions.parquet"
        for job in robust_runs(arm)
    ]


def robust_files():
    """Data set, arm and prediction file of everything that the paper's artefacts read."""
    return [
        (dataset, arm, path)
        for dataset in ROBUST_DATASETS
        for arm, how in ROBUST.arms.items()
        if dataset in (how.datasets or ROBUST_DATASETS)
        for path in robust_predictions(arm, dataset)
    ]


def robust_images():
    """Embeddings that its probes and zero-shot CLIP read."""
    return [
        embeddings(tower.model, tower.preprocessing, dataset)
        for dataset in ROBUST_DATASETS
        for tower in (ROBUST.clip, ROBUST.vision)
    ]


def robust_prompts():
    """Prompts of each data set, as zero-shot CLIP had them."""
    return [
        f"results/runs/robust_ft/{dataset}/{arm}/{ALL_RUNS}/prompts.json"
        for dataset in ROBUST_DATASETS
        for arm in robust_arms("zero_shot")[:1]
    ]
