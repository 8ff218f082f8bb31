rule retrieve_dataset:
    input:
        obtainable,
    output:
        verified="resources/datasets/{dataset}/.verified.json",
    log:
        "logs/retrieve_dataset/{dataset}.log",
    benchmark:
        "benchmarks-out/retrieve_dataset/{dataset}.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(2000),
        runtime=grows("2d"),
    params:
        dataset=retrieved,
        root=setting("data_root/{dataset}", default=None),
    message:
        "Retrieving and checking {wildcards.dataset}"
    script:
        "../../scripts/retrieve_dataset.py"


rule convert_dataset:
    input:
        verified=rules.retrieve_dataset.output.verified,
    output:
        verified="resources/prepared/{dataset}/.verified.json",
    log:
        "logs/convert_dataset/{dataset}.log",
    benchmark:
        "benchmarks-out/convert_dataset/{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(CONVERTED),
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("6h"),
    params:
        dataset=retrieved,
    message:
        "Converting {wildcards.dataset} to the layout that its reader reads"
    script:
        "../../scripts/convert_dataset.py"


rule index_dataset:
    input:
        verified=checked_dataset,
    output:
        index="results/data/{dataset}/index.parquet",
        classes="results/data/{dataset}/classes.json",
    log:
        "logs/index_dataset/{dataset}.log",
    benchmark:
        "benchmarks-out/index_dataset/{dataset}.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("2h"),
    params:
        dataset=setting("datasets/{dataset}"),
        domains=indexed_domains,
    message:
        "Indexing {wildcards.dataset}"
    script:
        "../../scripts/index_dataset.py"
