rule train_classifier:
    input:
        facts=f"results/models/{PAPER.model}/model.json",
        index="results/data/{dataset}/index.parquet",
        classes="results/data/{dataset}/classes.json",
    output:
        predictions="results/runs/alignment/{dataset}/{target}/{method}/{seed}/predictions.parquet",
        metrics="results/runs/alignment/{dataset}/{target}/{method}/{seed}/metrics.json",
        weights="results/runs/alignment/{dataset}/{target}/{method}/{seed}/model.safetensors",
    log:
        "logs/train_classifier/{dataset}/{target}/{method}/{seed}.log",
    benchmark:
        "benchmarks-out/train_classifier/{dataset}.{target}.{method}.{seed}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: training_threads
    resources:
        gpu=1,
        mem_mb=12000,
        runtime="12h",
    params:
        domains=target_domains,
        targets=job_targets,
        seeds=job_seeds,
        method=lookup(dpath="methods/{method}", within=config),
        protocol=protocol,
        preprocessing=lookup(
            dpath=f"preprocessing/{PAPER.training.preprocessing}", within=config
        ),
        target_images=lookup(
            dpath="alignment/target_images", within=config, default="all"
        ),
        feature_layers=CONFIG.models[PAPER.model].feature_layers,
        frozen_batchnorm=CONFIG.models[PAPER.model].frozen_batchnorm,
        channels_last=CONFIG.models[PAPER.model].channels_last,
        checkpoints=CHECKPOINTS,
    message:
        "Training {wildcards.method} on {wildcards.dataset} ({wildcards.target}, {wildcards.seed})"
    script:
        "../../scripts/train_classifier.py"
