# How similar target images are to pretraining and to source images, and how large their objects
# are. `{model}` is the model whose artefacts these serve; `alignment.perceptual` says which embeds.


rule find_neighbours:
    input:
        corpus_at_hand,
        index="results/data/{dataset}/index.parquet",
        images=perceptual_images,
        corpus_index=corpus_index,
        corpus_images=corpus_images,
    output:
        neighbours="results/alignment/{model}/{dataset}/neighbours.parquet",
        vectors="results/alignment/{model}/{dataset}/neighbours.safetensors",
    log:
        "logs/find_neighbours/{model}/{dataset}.log",
    benchmark:
        "benchmarks-out/find_neighbours/{model}.{dataset}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: PAPER.search.threads
    resources:
        gpu=int(PAPER.search.gpu),
        mem_mb=grows(12000),
        runtime=grows("2d"),
    params:
        domains=target_domains,
        corpus=setting("alignment/corpus"),
        perceptual=setting("alignment/perceptual"),
        checkpoints=CHECKPOINTS,
    message:
        "Searching the pretraining corpus for neighbours of {wildcards.dataset}"
    script:
        "../../scripts/find_neighbours.py"


rule measure_source_similarity:
    input:
        index="results/data/{dataset}/index.parquet",
        images=perceptual_images,
    output:
        similarity="results/alignment/{model}/{dataset}/source_similarity.parquet",
    log:
        "logs/measure_source_similarity/{model}/{dataset}.log",
    benchmark:
        "benchmarks-out/measure_source_similarity/{model}.{dataset}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: PAPER.search.threads
    resources:
        gpu=int(PAPER.search.gpu),
        mem_mb=grows(12000),
        runtime=grows("12h"),
    params:
        domains=target_domains,
    message:
        "Comparing target with source images of {wildcards.dataset}"
    script:
        "../../scripts/measure_source_similarity.py"


rule measure_mmd:
    input:
        index="results/data/{dataset}/index.parquet",
        images=perceptual_images,
        neighbours=rules.find_neighbours.output.vectors,
    output:
        mmd="results/alignment/{model}/{dataset}/mmd.parquet",
    log:
        "logs/measure_mmd/{model}/{dataset}.log",
    benchmark:
        "benchmarks-out/measure_mmd/{model}.{dataset}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: PAPER.search.threads
    resources:
        mem_mb=grows(8000),
        runtime=grows("1h"),
    params:
        domains=target_domains,
        mmd=setting("alignment/mmd"),
    message:
        "Measuring discrepancies of domains of {wildcards.dataset}"
    script:
        "../../scripts/measure_mmd.py"


rule measure_object_size:
    input:
        index="results/data/{dataset}/index.parquet",
        sizes=own_sizes,
    output:
        sizes="results/alignment/{model}/{dataset}/object_size.parquet",
    log:
        "logs/measure_object_size/{model}/{dataset}.log",
    benchmark:
        "benchmarks-out/measure_object_size/{model}.{dataset}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: CONFIG.embedding.threads
    resources:
        gpu=int(PAPER.object_size.source == "owlv2"),
        mem_mb=grows(8000),
        runtime=grows("2d"),
    params:
        domains=target_domains,
        how=PAPER.object_size.model_dump(mode="json", exclude={"batch_size"}),
        checkpoints=CHECKPOINTS,
    message:
        "Measuring objects of {wildcards.dataset}"
    script:
        "../../scripts/measure_object_size.py"
