rule pretrain_clip:
    input:
        index=lambda w: f"results/data/{CONFIG.models[w.model].training.dataset}/index.parquet",
    output:
        facts="results/models/{model}/model.json",
        architecture="results/models/{model}/open_clip_config.json",
        weights="results/models/{model}/open_clip_model.safetensors",
    log:
        "logs/pretrain_clip/{model}.log",
    benchmark:
        "benchmarks-out/pretrain_clip/{model}.tsv"
    wildcard_constraints:
        model=any_of(TRAINED),
    conda:
        "../../envs/environment.yaml"
    threads: 2
    resources:
        gpu=1,
        mem_mb=grows(6000),
        runtime=grows("1h"),
    params:
        model=trained_model,
        checkpoints=CHECKPOINTS,
    message:
        "Training {wildcards.model} with open_clip"
    script:
        "../../scripts/pretrain_clip.py"


rule retrieve_clip:
    output:
        facts="results/models/{model}/model.json",
        architecture="results/models/{model}/open_clip_config.json",
        weights="results/models/{model}/open_clip_model.safetensors",
    log:
        "logs/retrieve_clip/{model}.log",
    benchmark:
        "benchmarks-out/retrieve_clip/{model}.tsv"
    wildcard_constraints:
        model=any_of([name for name in CONFIG.models if name not in TRAINED + TIMM]),
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(8000),
        runtime=grows("1h"),
    params:
        model=setting("models/{model}"),
        random_weights=setting("random_weights"),
    message:
        "Retrieving the checkpoint {wildcards.model}"
    script:
        "../../scripts/retrieve_model.py"


rule retrieve_timm:
    output:
        facts="results/models/{model}/model.json",
        architecture="results/models/{model}/config.json",
        weights="results/models/{model}/model.safetensors",
    log:
        "logs/retrieve_timm/{model}.log",
    benchmark:
        "benchmarks-out/retrieve_timm/{model}.tsv"
    wildcard_constraints:
        model=any_of(TIMM),
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(8000),
        runtime=grows("1h"),
    params:
        model=setting("models/{model}"),
        random_weights=setting("random_weights"),
    message:
        "Retrieving the checkpoint {wildcards.model}"
    script:
        "../../scripts/retrieve_model.py"
