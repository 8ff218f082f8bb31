# AlignmentScore beside other properties of the images: Figs 2a, 5, 8, 9, 10 and Table 3.


rule evaluate_alignment_similarity:
    input:
        predictions=method_predictions(PAPER.figure_method),
        splits=splits(),
        neighbours=measured("neighbours"),
        mmd=measured("mmd"),
    output:
        metrics="results/alignment/similarity.parquet",
    log:
        "logs/evaluate_alignment_similarity.log",
    benchmark:
        "benchmarks-out/evaluate_alignment_similarity/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(8000),
        runtime=grows("2h"),
    params:
        datasets=PAPER.datasets,
        split=setting("alignment/perceptual_split"),
        curve=setting("alignment/curve"),
    message:
        "Comparing AlignmentScore with similarity to pretraining"
    script:
        "../../scripts/evaluate_alignment_similarity.py"


rule evaluate_alignment_sources:
    input:
        predictions=method_predictions(PAPER.figure_method),
        sources=measured("source_similarity"),
    output:
        metrics="results/alignment/sources.parquet",
    log:
        "logs/evaluate_alignment_sources.log",
    benchmark:
        "benchmarks-out/evaluate_alignment_sources/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(8000),
        runtime=grows("1h"),
    params:
        datasets=PAPER.datasets,
        width=PAPER.curve.source_width,
    message:
        "Computing accuracy by similarity to source images"
    script:
        "../../scripts/evaluate_alignment_sources.py"


rule evaluate_alignment_sizes:
    input:
        splits=splits(),
        sizes=measured("object_size"),
    output:
        metrics="results/alignment/sizes.parquet",
    log:
        "logs/evaluate_alignment_sizes.log",
    benchmark:
        "benchmarks-out/evaluate_alignment_sizes/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("1h"),
    params:
        datasets=PAPER.datasets,
        bin_width=PAPER.curve.bin_width,
    message:
        "Computing object sizes by AlignmentScore"
    script:
        "../../scripts/evaluate_alignment_sizes.py"
