# arXiv 2312.02021: its numbers, figures and tables. Training and tests are in segment*.smk.


rule evaluate_vltseg:
    input:
        confusions=list(SEG_CONFUSIONS.values()),
        perturbed=list(SEG_PERTURBED.values()),
        trained=[f"{vltseg_arms.folder(run)}/metrics.json" for run in SEG_RUNS],
    output:
        metrics="results/vltseg/metrics.parquet",
    log:
        "logs/evaluate_vltseg.log",
    benchmark:
        "benchmarks-out/evaluate_vltseg/all.tsv"
    conda:
        "../../../envs/environment.yaml"
    resources:
        mem_mb=grows(16000),
        runtime=grows("4h"),
    params:
        tests=seg_keys(SEG_CONFUSIONS),
        perturbed=seg_keys(SEG_PERTURBED),
        runs=[list(run) for run in SEG_RUNS],
        arms=SEG_OPTIONS["arms"],
        sources=SEG_OPTIONS["sources"],
        bootstrap=setting("vltseg/bootstrap"),
    message:
        "Scoring the networks of the VLTSeg paper"
    script:
        "../../../scripts/evaluate_vltseg.py"


rule compare_vltseg:
    input:
        metrics=rules.evaluate_vltseg.output.metrics,
        verified=[checked(dataset) for dataset in SEG_DATASETS],
    output:
        verdicts="results/vltseg/verdicts.csv",
    log:
        "logs/compare_vltseg.log",
    benchmark:
        "benchmarks-out/compare_vltseg/all.tsv"
    conda:
        "../../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("10m"),
    params:
        names=[vltseg_facts.page(CONFIG, dataset) for dataset in SEG_DATASETS],
        scale=CONFIG.scale,
    message:
        "Comparing the VLTSeg paper's numbers with ours"
    script:
        "../../../scripts/compare_vltseg.py"


rule draw_vltseg_figures:
    input:
        metrics=rules.evaluate_vltseg.output.metrics,
    output:
        **written("vltseg", "figure", SEG_FIGURES),
    log:
        "logs/draw_vltseg_figures.log",
    benchmark:
        "benchmarks-out/draw_vltseg_figures/all.tsv"
    conda:
        "../../../envs/environment.yaml"
    resources:
        mem_mb=grows(2000),
        runtime=grows("20m"),
    params:
        paper="vltseg",
        names=SEG_FIGURES,
        options=SEG_OPTIONS,
        style=setting("plots"),
    message:
        "Drawing figures of the VLTSeg paper"
    script:
        "../../../scripts/draw_figures.py"


rule tabulate_vltseg:
    input:
        metrics=rules.evaluate_vltseg.output.metrics,
    output:
        **written("vltseg", "table", SEG_TABLES),
    log:
        "logs/tabulate_vltseg.log",
    benchmark:
        "benchmarks-out/tabulate_vltseg/all.tsv"
    conda:
        "../../../envs/environment.yaml"
    resources:
        mem_mb=grows(2000),
        runtime=grows("20m"),
    params:
        paper="vltseg",
        names=SEG_TABLES,
        options=SEG_OPTIONS,
    message:
        "Writing tables of the VLTSeg paper"
    script:
        "../../../scripts/write_tables.py"
