rule pack_images:
    input:
        index="results/data/{dataset}/index.parquet",
    output:
        facts="results/images/{store}/{dataset}/store.json",
        places="results/images/{store}/{dataset}/index.parquet",
    log:
        "logs/pack_images/{store}/{dataset}.log",
    benchmark:
        "benchmarks-out/pack_images/{store}.{dataset}.tsv"
    wildcard_constraints:
        store=any_of(CONFIG.image_stores),
    conda:
        "../../envs/environment.yaml"
    threads: CONFIG.packing.processes
    resources:
        mem_mb=grows(8000),
        runtime=grows("1d"),
    params:
        store=setting("image_stores/{store}"),
        checkpoints=CHECKPOINTS,
    message:
        "Packing the images of {wildcards.dataset} ({wildcards.store})"
    script:
        "../../scripts/pack_images.py"
