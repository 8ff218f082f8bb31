# Test jobs of the VLTSeg paper (arXiv 2312.02021) and the files that they need.
from replidg.config import vltseg_tests

SEG_RESULT = f"{vltseg_arms.RUNS}/{{source}}/{{arm}}/{{seed}}/{{tested}}/{{result}}"
# Name of a job -> its outputs; a single rule whose wildcards say which, where each has a job.
SEG_TEST_JOBS = {
    name: [result.path for result in found]
    for name, found in vltseg_tests.jobs(CONFIG).items()
} or {"": [SEG_RESULT]}
SEG_SUBMISSIONS = list(vltseg_tests.paths(CONFIG, "submission").values())


def seg_results(job, wildcards):
    """The results of a test job."""
    paths = [path.format(**dict(wildcards)) for path in SEG_TEST_JOBS[job]]
    return [vltseg_tests.result_of(path) for path in paths]


def seg_test_networks(job, wildcards):
    """Weights and plans of the networks that a job tests."""
    folders = {vltseg_arms.folder(each.run) for each in seg_results(job, wildcards)}
    return [
        f"{folder}/{file}"
        for folder in sorted(folders)
        for file in ("model.safetensors", "segmentor.json")
    ]


def seg_tested(job, wildcards):
    """Data sets that a job tests on."""
    return sorted({each.dataset for each in seg_results(job, wildcards)})


def seg_test_indexes(job, wildcards):
    """Indexes of the data sets that a job tests on."""
    names = seg_tested(job, wildcards)
    return [f"results/data/{name}/index.parquet" for name in names]


def seg_test_images(job, wildcards):
    """What says that the pictures behind an index are there, and which they are."""
    return [checked(name) for name in seg_tested(job, wildcards)]


def seg_test_models(job, wildcards):
    """Backbones from before the training, where a job compares with them."""
    arms = vltseg_arms.arms(CONFIG)
    encoders = {
        arms[each.run.arm].encoder
        for each in seg_results(job, wildcards)
        if each.kind == "embeddings"
    }
    return [
        f"results/models/{CONFIG.vltseg.encoders[name].model}/model.json"
        for name in sorted(encoders)
    ]


def seg_test_options(job, wildcards):
    """What of the configuration decides a job's results."""
    return vltseg_tests.options(CONFIG, seg_results(job, wildcards))
