rule evaluate_alignment_splits:
    input:
        splits=splits(),
        bounds=f"results/alignment/{PAPER.model}/{PAPER.score}/thresholds.json",
    output:
        metrics="results/alignment/splits.parquet",
    log:
        "logs/evaluate_alignment_splits.log",
    benchmark:
        "benchmarks-out/evaluate_alignment_splits/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=4000,
        runtime="1h",
    params:
        datasets=PAPER.datasets,
        bin_width=PAPER.curve.bin_width,
    message:
        "Counting the images in and out of pretraining"
    script:
        "../../scripts/evaluate_alignment_splits.py"


rule evaluate_alignment:
    input:
        predictions=predictions,
        splits=splits(),
        counts=rules.evaluate_alignment_splits.output.metrics,
    output:
        metrics="results/alignment/metrics.parquet",
    log:
        "logs/evaluate_alignment.log",
    benchmark:
        "benchmarks-out/evaluate_alignment/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=8000,
        runtime="1h",
    params:
        datasets=PAPER.datasets,
        bin_width=PAPER.curve.bin_width,
    message:
        "Computing accuracies and curves of the alignment paper"
    script:
        "../../scripts/evaluate_alignment.py"
