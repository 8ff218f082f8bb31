# Training jobs of the VLTSeg paper (arXiv 2312.02021) and the files that they need.
from functools import partial

from replidg.config import vltseg_arms

SEG_WEIGHTS = f"{vltseg_arms.RUNS}/{{source}}/{{arm}}/{{seed}}/model.safetensors"
# Name of a job -> weights that it makes; a single rule with wildcards, where a run is a job.
SEG_TRAIN_JOBS = {
    name: [f"{vltseg_arms.folder(run)}/model.safetensors" for run in runs]
    for name, runs in vltseg_arms.jobs(CONFIG).items()
} or {"": [SEG_WEIGHTS]}


def seg_beside(weights, file):
    """Another file of each run of a job."""
    return [path.replace("model.safetensors", file) for path in weights]


def seg_runs(job, wildcards):
    """The runs of a training job."""
    paths = [path.format(**dict(wildcards)) for path in SEG_TRAIN_JOBS[job]]
    return [vltseg_arms.run_of(path) for path in paths]


def seg_train_indexes(job, wildcards):
    """Indexes of what a job trains on."""
    sources = {run.source for run in seg_runs(job, wildcards)}
    names = {d for s in sources for d in CONFIG.vltseg.sources[s].datasets}
    return [f"results/data/{name}/index.parquet" for name in sorted(names)]


def seg_train_images(job, wildcards):
    """What says that the pictures behind an index are there, and which they are."""
    sources = {run.source for run in seg_runs(job, wildcards)}
    names = {d for s in sources for d in CONFIG.vltseg.sources[s].datasets}
    return [checked(name) for name in sorted(names)]


def seg_encoders(job, wildcards):
    """Stored backbones that a job's networks begin with."""
    arms = vltseg_arms.arms(CONFIG)
    found = {arms[run.arm].encoder for run in seg_runs(job, wildcards)}
    models = {CONFIG.vltseg.encoders[name].model for name in found}
    return [f"results/models/{model}/model.json" for model in sorted(models)]


def seg_starts(job, wildcards):
    """Weights of other runs that a job's networks begin with."""
    starts = [vltseg_arms.start_of(CONFIG, run) for run in seg_runs(job, wildcards)]
    return [f"{vltseg_arms.folder(run)}/model.safetensors" for run in starts if run]


def seg_protocol(job, wildcards):
    """What of the configuration decides a job's weights: a change of it trains again."""
    return vltseg_arms.protocols(CONFIG, seg_runs(job, wildcards))
