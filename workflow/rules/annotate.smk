# Labels that a person checks (Table 7 of the alignment paper), or known noise in their place.


rule exchange_alignment_labels:
    input:
        index="results/data/{dataset}/index.parquet",
        classes="results/data/{dataset}/classes.json",
        images=scored_images,
        texts=scored_texts,
    output:
        scores="results/alignment/{model}/{dataset}/exchanged_labels.parquet",
    log:
        "logs/exchange_alignment_labels/{model}/{dataset}.log",
    benchmark:
        "benchmarks-out/exchange_alignment_labels/{model}.{dataset}.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("1h"),
    params:
        domains=target_domains,
        noise=setting("alignment/annotation/noise"),
    message:
        "Exchanging labels of {wildcards.dataset}"
    script:
        "../../scripts/exchange_alignment_labels.py"


rule write_alignment_annotation:
    input:
        scores=scores() if NOISE is None else measured("exchanged_labels"),
        indexes=indexes(),
    output:
        **({} if NOISE is None else {"filled": FILLED_SHEET}),
        page="results/alignment/annotation/sheet.html",
        sheet="results/alignment/annotation/sheet.csv",
    log:
        "logs/write_alignment_annotation.log",
    benchmark:
        "benchmarks-out/write_alignment_annotation/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("1h"),
    params:
        datasets=PAPER.datasets,
        annotation=PAPER.annotation.model_dump(mode="json", exclude={"labels"}),
        kind=PAPER.thresholds.kind,
    message:
        "Writing the sheets for checking labels"
    script:
        "../../scripts/write_alignment_annotation.py"


rule evaluate_alignment_labels:
    input:
        sheet=PAPER.annotation.labels or FILLED_SHEET,
    output:
        metrics="results/alignment/labels.parquet",
    log:
        "logs/evaluate_alignment_labels.log",
    benchmark:
        "benchmarks-out/evaluate_alignment_labels/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(2000),
        runtime=grows("10m"),
    message:
        "Counting wrong labels"
    script:
        "../../scripts/evaluate_alignment_labels.py"
