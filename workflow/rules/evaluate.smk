rule evaluate_alignment_splits:
    input:
        splits=splits(),
        scores=scores(),
        classes=expand("results/data/{dataset}/classes.json", dataset=PAPER.datasets),
        bounds=bounds_file(),
    output:
        metrics="results/alignment/splits.parquet",
    log:
        "logs/evaluate_alignment_splits.log",
    benchmark:
        "benchmarks-out/evaluate_alignment_splits/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("1h"),
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
        zero_shot=zero_shot_predictions(),
        splits=splits(),
        scores=scores(),
        bounds=bounds_file(),
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
        mem_mb=grows(8000),
        runtime=grows("2h"),
    params:
        datasets=PAPER.datasets,
        curve=setting("alignment/curve"),
        contrast_method=PAPER.contrast_method or PAPER.figure_method,
    message:
        "Computing accuracies and curves of the alignment paper"
    script:
        "../../scripts/evaluate_alignment.py"


rule evaluate_alignment_backbones:
    input:
        predictions=[path for _, path in compared_predictions()],
        splits=[path for m in SPLITTING for path in splits(model=m)],
    output:
        metrics="results/alignment/backbones.parquet",
    log:
        "logs/evaluate_alignment_backbones.log",
    benchmark:
        "benchmarks-out/evaluate_alignment_backbones/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(8000),
        runtime=grows("1h"),
    params:
        trained=[model for model, _ in compared_predictions()],
        split=[[m, dataset] for m in SPLITTING for dataset in PAPER.datasets],
        own=PAPER.model,
        scratch=provides.scratch_backbones(CONFIG),
    message:
        "Comparing backbones"
    script:
        "../../scripts/evaluate_alignment_backbones.py"
