# Jobs and files of the SCI-PD paper (arXiv 2404.09011) that several rules read.
from functools import cache

from replidg.config import scipd_arms

SCIPD = CONFIG.scipd
SCIPD_ARMS = scipd_arms.arms(CONFIG)
SCIPD_JOBS = scipd_arms.jobs(CONFIG)
SCIPD_PAGES = {
    scipd_arms.page(CONFIG, d).lower(): d
    for d in (SCIPD.datasets if SCIPD_ARMS else [])
}
SCIPD_TEACHER = [SCIPD.teacher] if SCIPD_ARMS else []
SCIPD_RUNS = "results/runs/scipd"


wildcard_constraints:
    arm=any_of([scipd_arms.ALL_ARMS, *SCIPD_ARMS]),
    sets=any_of(
        [
            scipd_arms.ALL_SETS,
            *{s for d in SCIPD_PAGES.values() for s in scipd_arms.splits(CONFIG, d)},
        ]
    ),


def scipd_job(wildcards):
    """The runs of a job."""
    w = wildcards
    job = f"{w.dataset}/{w.arm}/{w.sets}/{w.target}/{w.seed}"
    if job not in SCIPD_JOBS:
        raise WorkflowError(
            f"{SCIPD_RUNS}/{job}: this configuration has no such job; with "
            f"scipd.runs_per_job: {SCIPD.runs_per_job} one is {next(iter(SCIPD_JOBS), 'none')}"
        )
    return SCIPD_JOBS[job]


# Asked for by each of thousands of jobs, hence made once.
SCIPD_SETTINGS = {
    name: {
        "method": arm.method,
        "settings": arm.settings.model_dump(mode="json"),
        "student": arm.student,
        "share": arm.share,
    }
    for name, arm in SCIPD_ARMS.items()
}


def scipd_job_arms(wildcards):
    """Everything that the arms of a job are run with."""
    names = dict.fromkeys(key.arm for key in scipd_job(wildcards))
    return {name: SCIPD_SETTINGS[name] for name in names}


def scipd_job_students(wildcards):
    """Students of a job: name, key of the model, size, memory format."""
    names = {arm["student"] for arm in scipd_job_arms(wildcards).values()}
    return {
        name: {
            "model": SCIPD.students[name].model,
            "size": SCIPD.students[name].size,
            "channels_last": CONFIG.models[SCIPD.students[name].model].channels_last,
        }
        for name in sorted(names)
    }


def scipd_student_facts(wildcards):
    models = {s["model"] for s in scipd_job_students(wildcards).values()}
    return [f"results/models/{model}/model.json" for model in sorted(models)]


def scipd_texts(wildcards):
    return class_texts(SCIPD.teacher, SCIPD.prompts, wildcards.dataset)


@cache
def scipd_splits(dataset):
    """Label sets of a data set by name, as lists of class ids."""
    found = scipd_arms.splits(CONFIG, dataset)
    return {name: labels.model_dump(mode="json") for name, labels in found.items()}


@cache
def scipd_training(dataset):
    return scipd_arms.protocol(CONFIG, dataset)


def scipd_protocol(wildcards):
    """What of the protocol affects the result, so that a change of it trains again."""
    found = scipd_training(wildcards.dataset)
    return found.model_dump(mode="json", exclude=BUDGET_ONLY)


def scipd_threads(wildcards):
    return scipd_training(wildcards.dataset).threads


def scipd_files(name):
    """A file of every training job."""
    return [f"{SCIPD_RUNS}/{job}/{name}" for job in SCIPD_JOBS]


def scipd_tsne_files(name):
    """A file of every job that holds a run of the t-SNE maps."""
    if SCIPD.tsne is None:
        return []
    t, seed = SCIPD.tsne, SCIPD.seeds[0]
    keys = [scipd_arms.RunKey(t.dataset, t.split, t.target, m, seed) for m in t.methods]
    found = dict.fromkeys(scipd_arms.job_of(CONFIG, key) for key in keys)
    return [f"{SCIPD_RUNS}/{job}/{name}" for job in found]


def scipd_switches():
    """Arms of the ablation: whether each has score, instance and class perturbation."""
    found = {}
    for name in SCIPD.ablation.methods:
        own = SCIPD.methods[name]
        if own.objective == "scipd":
            found[name] = [
                own.score_perturbation,
                own.instance_perturbation,
                own.class_perturbation,
            ]
        elif own.objective == "clip_base":
            found[name] = [False, False, False]
    return found


def scipd_shares():
    """Arms of the scarcity study: the method that each is a share of."""
    return {
        name: arm.method
        for name, arm in SCIPD_ARMS.items()
        if "scarcity" in arm.studies
    }
