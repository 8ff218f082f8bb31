# Names and files of the CLIPs that arXiv 2410.08258 trains on mixes.

from replidg.config.forgotten_training import CLIPS_ASIDE, RESNETS_ASIDE

MIXES, CLIP_RUN = MIXING.mixes, MIXING.clip
FORGOTTEN_RUNS = "results/runs/forgotten"
# Pools that a mix takes images of.
USED_POOLS = [
    pool
    for pool in MIXES.pools
    if any(
        getattr(mix, pool)
        for name, mix in MIXES.sets.items()
        if name not in MIXING.zero_shot.released
    )
]
TRAINED_MIXES = [
    (name, seed)
    for name in MIXES.sets
    if name not in MIXING.zero_shot.released
    for seed in CLIP_RUN.seeds
]
FORGOTTEN_PLACES = {
    name: list(forgotten_sets.split_name(name)) for name in FORGOTTEN_SETS
}
# What of the protocol decides the weights.
CLIP_PROTOCOL = CLIP_RUN.model_dump(mode="json", exclude=CLIPS_ASIDE)


def dealt(runs, jobs):
    """Runs by job: one each, or dealt to so many."""
    if jobs is None:
        return {"_".join(map(str, run)): [run] for run in runs}
    return {f"part{n}": runs[n::jobs] for n in range(min(jobs, len(runs)))}


def mix_folder(name, seed):
    return f"{FORGOTTEN_RUNS}/{name}/seed{seed}"


def mix_weights(runs):
    """Weights of every epoch; gone after their evaluation, unless they are to be kept."""
    return [
        path if CLIP_RUN.keep_weights else temp(path)
        for run in runs
        for path in epoch_files(*run)
    ]


def epoch_files(name, seed):
    folder = mix_folder(name, seed)
    return [f"{folder}/epoch{n:03d}.safetensors" for n in range(1, CLIP_RUN.epochs + 1)]


def evaluated_mixes():
    """Runs by evaluation job; a released checkpoint has no seed of ours."""
    jobs = dealt(TRAINED_MIXES, CLIP_RUN.jobs)
    if MIXING.zero_shot.released:
        jobs["released"] = [(name, 0) for name in MIXING.zero_shot.released]
    return jobs


def mix_scores(name="zero_shot.parquet"):
    return [
        f"{mix_folder(*run)}/{name}"
        for runs in evaluated_mixes().values()
        for run in runs
    ]


def mix_checkpoints(runs):
    """Weights of each run's epochs, and the folder of its architecture if it is a released one."""
    released = MIXING.zero_shot.released
    return [
        {
            "weights": None if name in released else epoch_files(name, seed),
            "model": f"results/models/{released[name]}" if name in released else None,
        }
        for name, seed in runs
    ]


def mix_inputs(runs):
    """Files that an evaluation job reads besides the test sets."""
    released = MIXING.zero_shot.released
    return [
        path
        for name, seed in runs
        for path in (
            [f"results/models/{released[name]}/model.json"]
            if name in released
            else epoch_files(name, seed)
        )
    ]


def pool_members(wildcards):
    pool = MIXES.pools[wildcards.pool]
    if pool.source == "list":
        return f"results/data/{pool.dataset}/index.parquet"
    return f"results/forgotten/domains/{forgotten_sets.CORPUS}/domains.parquet"


def clean_files():
    """What is clean of each data set; nothing if there are no labels to tell it by."""
    if "forgotten:labels" not in PROVIDED:
        return {"clean": [], "classes": []}
    return {
        "clean": [
            f"results/forgotten/clean/{name}.parquet" for name in FORGOTTEN_TESTED
        ],
        "classes": "results/forgotten/clean/classes.json",
    }
