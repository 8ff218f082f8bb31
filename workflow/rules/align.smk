rule score_alignment:
    input:
        index="results/data/{dataset}/index.parquet",
        images=scored_images,
        texts=scored_texts,
    output:
        scores="results/alignment/{model}/{variant}/{dataset}/scores.parquet",
    log:
        "logs/score_alignment/{model}/{variant}/{dataset}.log",
    benchmark:
        "benchmarks-out/score_alignment/{model}.{variant}.{dataset}.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("1h"),
    params:
        domains=target_domains,
        scale=setting("alignment/calibration_scale"),
    message:
        "Scoring the alignment of images and labels of {wildcards.dataset} ({wildcards.variant})"
    script:
        "../../scripts/score_alignment.py"


# Quantile thresholds are taken over all data sets together, so one job splits them all.
rule split_alignment:
    input:
        scores=expand(
            "results/alignment/{{model}}/{{variant}}/{dataset}/scores.parquet",
            dataset=PAPER.datasets,
        ),
    output:
        splits=expand(
            "results/alignment/{{model}}/{{variant}}/{dataset}/split.parquet",
            dataset=PAPER.datasets,
        ),
        bounds="results/alignment/{model}/{variant}/thresholds.json",
    log:
        "logs/split_alignment/{model}/{variant}.log",
    benchmark:
        "benchmarks-out/split_alignment/{model}.{variant}.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("1h"),
    params:
        datasets=PAPER.datasets,
        thresholds=setting("alignment/thresholds"),
    message:
        "Splitting by AlignmentScore of {wildcards.model} ({wildcards.variant})"
    script:
        "../../scripts/split_alignment.py"
