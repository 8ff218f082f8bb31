rule train_classifier:
    input:
        facts=model_facts,
        index="results/data/{dataset}/index.parquet",
        classes="results/data/{dataset}/classes.json",
        texts=training_texts,
        stores=training_images,
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
        gpu=PAPER.training.gpus,
        mem_mb=grows(12000),
        runtime=grows("12h"),
    params:
        domains=target_domains,
        targets=job_targets,
        seeds=job_seeds,
        method=setting("methods/{method}"),
        protocol=protocol,
        preprocessing=training_preprocessing,
        target_images=setting("alignment/target_images", default="all"),
        feature_layers=setting("models/{model}/feature_layers"),
        frozen_batchnorm=setting("models/{model}/frozen_batchnorm"),
        channels_last=setting("models/{model}/channels_last"),
        checkpoints=CHECKPOINTS,
    message:
        "Training {wildcards.method} of {wildcards.model} on {wildcards.dataset} ({wildcards.target}, {wildcards.seed})"
    script:
        "../../scripts/train_classifier.py"
