# arXiv 2410.08258: ResNets on ImageNet-Natural and on random subsets of ImageNet.

RESNETS = MIXING.resnets
# Kind, size and draw of each training; natural images of a size are one set, random ones several.
RESNET_RUNS = (
    [
        (kind, size, draw)
        for size in RESNETS.sizes
        for kind, draws in (("natural", 1), ("subset", RESNETS.draws))
        for draw in range(draws)
    ]
    if RESNETS and "forgotten:labels" in PROVIDED
    else []
)


def resnet_folder(kind, size, draw):
    return f"{FORGOTTEN_RUNS}/imagenet_{kind}_{size:g}/draw{draw}"


def resnet_scores():
    return [f"{resnet_folder(*run)}/scores.parquet" for run in RESNET_RUNS]


for job, dealt_runs in dealt(RESNET_RUNS, RESNETS and RESNETS.jobs).items():

    rule:
        name:
            f"train_subset_nets_{job}"
        input:
            **clean_files(),
            index=f"results/data/{FORGOTTEN.train_set}/index.parquet",
            stores=image_stores(FORGOTTEN.train_set, "training"),
            domains=f"results/forgotten/domains/{FORGOTTEN.train_set}/domains.parquet",
            indices=expand(
                "results/data/{dataset}/index.parquet", dataset=FORGOTTEN_TESTED
            ),
        output:
            scores=[f"{resnet_folder(*run)}/scores.parquet" for run in dealt_runs],
            predictions=[
                f"{resnet_folder(*run)}/predictions.parquet" for run in dealt_runs
            ],
            weights=[f"{resnet_folder(*run)}/model.safetensors" for run in dealt_runs],
        log:
            f"logs/train_subset_nets/{job}.log",
        benchmark:
            f"benchmarks-out/train_subset_nets/{job}.tsv"
        conda:
            "../../envs/environment.yaml"
        threads: RESNETS.threads
        resources:
            gpu=1,
            mem_mb=grows(32000),
            runtime=grows("4d"),
        params:
            runs=dealt_runs,
            protocol=RESNETS.model_dump(mode="json", exclude=RESNETS_ASIDE),
            sets=FORGOTTEN_PLACES,
            datasets=FORGOTTEN_TESTED,
            checkpoints=CHECKPOINTS,
        message:
            f"Training classifiers on subsets of ImageNet ({job})"
        script:
            "../../scripts/train_subset_nets.py"
