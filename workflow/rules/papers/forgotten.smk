# arXiv 2410.08258: figures and tables of what is trained, and the verdicts on all of its numbers.

if MIXING:

    rule draw_forgotten_figures:
        input:
            metrics=rules.evaluate_forgotten.output.metrics,
        output:
            **written("forgotten", "figure", names_of("forgotten", "figure")),
        log:
            "logs/draw_forgotten_figures.log",
        benchmark:
            "benchmarks-out/draw_forgotten_figures/all.tsv"
        conda:
            "../../../envs/environment.yaml"
        resources:
            mem_mb=grows(2000),
            runtime=grows("20m"),
        params:
            paper="forgotten",
            names=names_of("forgotten", "figure"),
            options={
                "unit_name": MIXES.unit_name,
                "resnet_unit": "k" if RESNETS and RESNETS.unit == 1000 else "",
            },
            style=setting("plots"),
        message:
            "Drawing figures of the paper on forgotten domain generalization"
        script:
            "../../../scripts/draw_figures.py"

    rule tabulate_forgotten_training:
        input:
            metrics=rules.evaluate_forgotten.output.metrics,
        output:
            **written("forgotten", "table", FORGOTTEN_TRAINING_TABLES),
        log:
            "logs/tabulate_forgotten_training.log",
        benchmark:
            "benchmarks-out/tabulate_forgotten_training/all.tsv"
        conda:
            "../../../envs/environment.yaml"
        resources:
            mem_mb=grows(2000),
            runtime=grows("20m"),
        params:
            paper="forgotten",
            names=FORGOTTEN_TRAINING_TABLES,
            options={"series": MIXES.series},
        message:
            "Writing tables of CLIPs trained on mixes"
        script:
            "../../../scripts/write_tables.py"


rule compare_forgotten:
    input:
        metrics=[
            *(
                ["results/forgotten/domain_metrics.parquet"]
                if "forgotten:labels" in PROVIDED
                else []
            ),
            *(
                ["results/forgotten/metrics.parquet"]
                if "forgotten:pools" in PROVIDED
                else []
            ),
        ],
        verified=[checked(dataset) for dataset in FORGOTTEN_CHECKED],
    output:
        verdicts="results/forgotten/verdicts.csv",
    log:
        "logs/compare_forgotten.log",
    benchmark:
        "benchmarks-out/compare_forgotten/all.tsv"
    conda:
        "../../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("10m"),
    params:
        names=FORGOTTEN_CHECKED,
        corpus=CORPUS.dataset,
        scale=CONFIG.scale,
    message:
        "Comparing the numbers of the paper on forgotten domain generalization with ours"
    script:
        "../../../scripts/compare_forgotten.py"
