rule embed_images:
    input:
        facts=model_facts,
        index="results/data/{dataset}/index.parquet",
        stores=embedding_images,
    output:
        images="results/embeddings/{model}/{preprocessing}/{dataset}/images.safetensors",
    log:
        "logs/embed_images/{model}/{preprocessing}/{dataset}.log",
    benchmark:
        "benchmarks-out/embed_images/{model}.{preprocessing}.{dataset}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: CONFIG.embedding.threads
    resources:
        gpu=1,
        mem_mb=grows(8000),
        runtime=grows("4h"),
    params:
        preprocessing=setting("preprocessing/{preprocessing}"),
        channels_last=setting("models/{model}/channels_last", default=False),
        checkpoints=CHECKPOINTS,
    message:
        "Embedding the images of {wildcards.dataset} with {wildcards.model} ({wildcards.preprocessing})"
    script:
        "../../scripts/embed_images.py"


rule embed_texts:
    input:
        facts=model_facts,
        classes="results/data/{dataset}/classes.json",
    output:
        texts="results/embeddings/{model}/{prompts}/{dataset}/texts.safetensors",
    log:
        "logs/embed_texts/{model}/{prompts}/{dataset}.log",
    benchmark:
        "benchmarks-out/embed_texts/{model}.{prompts}.{dataset}.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(8000),
        runtime=grows("1h"),
    params:
        prompts=setting("prompts/{prompts}"),
    message:
        "Embedding the class texts of {wildcards.dataset} with {wildcards.model} ({wildcards.prompts})"
    script:
        "../../scripts/embed_texts.py"


rule classify_zero_shot:
    input:
        index="results/data/{dataset}/index.parquet",
        images=zero_shot_images,
        texts=zero_shot_texts,
    output:
        predictions="results/zero_shot/{model}/{dataset}/predictions.parquet",
        facts="results/zero_shot/{model}/{dataset}/zero_shot.json",
    log:
        "logs/classify_zero_shot/{model}/{dataset}.log",
    benchmark:
        "benchmarks-out/classify_zero_shot/{model}.{dataset}.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("1h"),
    params:
        domains=target_domains,
        target_images=setting("alignment/target_images", default="all"),
    message:
        "Classifying {wildcards.dataset} zero-shot with {wildcards.model}"
    script:
        "../../scripts/classify_zero_shot.py"
