# Our numbers against the published ones: everything that this configuration can make.


rule compare_alignment:
    input:
        metrics=metric_files(),
        verified=[checked(dataset) for dataset in PAPER.datasets],
    output:
        verdicts="results/alignment/verdicts.csv",
    log:
        "logs/compare_alignment.log",
    benchmark:
        "benchmarks-out/compare_alignment/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("10m"),
    params:
        names=PAPER.datasets,
        datasets=PAGES,
        figure_method=PAPER.figure_method,
        scale=CONFIG.scale,
    message:
        "Comparing the alignment paper's numbers with ours"
    script:
        "../../scripts/compare_alignment.py"
