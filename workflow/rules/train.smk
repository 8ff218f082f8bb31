rule train_classifier:
    input:
        facts=model_facts,
        index="results/data/{dataset}/index.parquet",
        classes="results/data/{dataset}/classes.json",
        texts=training_texts,
    output:
        predictions="results/runs/alignment/{model}/{dataset}/{target}/{method}/{seed}/predictions.parquet",
        metrics="results/runs/alignment/{model}/{dataset}/{target}/{method}/{seed}/metrics.json",
        weights="results/runs/alignment/{model}/{dataset}/{target}/{method}/{seed}/model.safetensors",
    log:
        "logs/train_classifier/{model}/{dataset}/{target}/{method}/{seed}.log",
    benchmark:
        "benchmarks-out/train_classifier/{model}.{dataset}.{target}.{method}.{seed}.tsv"
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
        preprocessing=training_preprocessing,
        target_images=lookup(
            dpath="alignment/target_images", within=config, default="all"
        ),
        feature_layers=lookup(dpath="models/{model}/feature_layers", within=config),
        frozen_batchnorm=lookup(dpath="models/{model}/frozen_batchnorm", within=config),
        channels_last=lookup(dpath="models/{model}/channels_last", within=config),
        checkpoints=CHECKPOINTS,
    message:
        "Training {wildcards.method} of {wildcards.model} on {wildcards.dataset} ({wildcards.target}, {wildcards.seed})"
    script:
        "../../scripts/train_classifier.py"
