# arXiv 2404.09011: its figures and tables. What they are computed from is in train_students.smk.

SCIPD_FIGURES = names_of("scipd", "figure", without=("tsne",))
# One rule writes all tables that show the same file.
SCIPD_TABLES = {
    "metrics": names_of("scipd", "table", without=("splits",)),
    "counts": ["splits"],
}

if SCIPD_ARMS:

    rule draw_scipd_figures:
        input:
            metrics=rules.evaluate_scipd.output.metrics,
        output:
            **written("scipd", "figure", SCIPD_FIGURES),
        log:
            "logs/draw_scipd_figures.log",
        benchmark:
            "benchmarks-out/draw_scipd_figures/all.tsv"
        conda:
            "../../../envs/environment.yaml"
        resources:
            mem_mb=grows(2000),
            runtime=grows("20m"),
        params:
            paper="scipd",
            names=SCIPD_FIGURES,
            options={
                "pages": SCIPD_PAGES,
                "methods": SCIPD.main,
                "shares": scipd_shares(),
            },
            style=setting("plots"),
        message:
            "Drawing figures of the SCI-PD paper"
        script:
            "../../../scripts/draw_figures.py"

    for shown, chosen in SCIPD_TABLES.items():

        rule:
            name:
                f"tabulate_scipd_{shown}"
            input:
                metrics=f"results/scipd/{shown}.parquet",
            output:
                **written("scipd", "table", chosen),
            log:
                f"logs/tabulate_scipd/{shown}.log",
            benchmark:
                f"benchmarks-out/tabulate_scipd/{shown}.tsv"
            conda:
                "../../../envs/environment.yaml"
            resources:
                mem_mb=grows(2000),
                runtime=grows("20m"),
            params:
                paper="scipd",
                names=chosen,
                options={
                    "pages": SCIPD_PAGES,
                    "methods": list(SCIPD_ARMS),
                    "switches": scipd_switches(),
                    "method": SCIPD.method,
                    "base": SCIPD.base,
                    "student": SCIPD.student,
                },
            message:
                f"Writing tables of the SCI-PD paper: {' '.join(chosen)}"
            script:
                "../../../scripts/write_tables.py"

    if SCIPD.tsne is not None:

        rule draw_scipd_tsne:
            input:
                predictions=scipd_tsne_files("predictions.parquet"),
                features=scipd_tsne_files("features.safetensors"),
                index=f"results/data/{SCIPD.tsne.dataset}/index.parquet",
            output:
                **written("scipd", "figure", "tsne"),
            log:
                "logs/draw_scipd_tsne.log",
            benchmark:
                "benchmarks-out/draw_scipd_tsne/all.tsv"
            conda:
                "../../../envs/environment.yaml"
            resources:
                mem_mb=grows(2000),
                runtime=grows("30m"),
            params:
                tsne=SCIPD.tsne.model_dump(mode="json"),
                seed=SCIPD.seeds[0],
                style=setting("plots"),
            message:
                "Mapping target features"
            script:
                "../../../scripts/draw_scipd_tsne.py"
