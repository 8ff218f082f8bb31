# arXiv 2404.09011: its figures and tables. What they are computed from is in train_students.smk.


OTHERS = ("tsne", "splits", "claims")
SCIPD_FIGURES = scipd_names("figure", OTHERS)
SCIPD_TABLES = scipd_names("table", OTHERS)

if SCIPD_ARMS:

    rule draw_scipd_figures:
        input:
            metrics=rules.evaluate_scipd.output.metrics,
        output:
            svg=[scipd_artefact("figure", name) for name in SCIPD_FIGURES],
            png=[f"results/scipd/figures/{name}.png" for name in SCIPD_FIGURES],
        log:
            "logs/draw_scipd_figures.log",
        benchmark:
            "benchmarks-out/draw_scipd_figures/all.tsv"
        conda:
            "../../../envs/environment.yaml"
        resources:
            mem_mb=2000,
            runtime="20m",
        params:
            names=SCIPD_FIGURES,
            pages=SCIPD_PAGES,
            methods=SCIPD.main,
            shares={
                name: a.method
                for name, a in SCIPD_ARMS.items()
                if "scarcity" in a.studies
            },
            style=lookup(dpath="plots", within=config),
        message:
            "Drawing figures of the SCI-PD paper"
        script:
            "../../../scripts/draw_scipd_figures.py"

    rule tabulate_scipd_tables:
        input:
            metrics=rules.evaluate_scipd.output.metrics,
        output:
            csv=[scipd_artefact("table", name) for name in SCIPD_TABLES],
            md=[f"results/scipd/tables/{name}.md" for name in SCIPD_TABLES],
            tex=[f"results/scipd/tables/{name}.tex" for name in SCIPD_TABLES],
        log:
            "logs/tabulate_scipd_tables.log",
        benchmark:
            "benchmarks-out/tabulate_scipd_tables/all.tsv"
        conda:
            "../../../envs/environment.yaml"
        resources:
            mem_mb=2000,
            runtime="20m",
        params:
            names=SCIPD_TABLES,
            options={
                "pages": SCIPD_PAGES,
                "methods": list(SCIPD_ARMS),
                "switches": scipd_switches(),
                "seeds": len(SCIPD.seeds),
            },
        message:
            "Writing tables of the SCI-PD paper"
        script:
            "../../../scripts/tabulate_scipd_tables.py"

    rule tabulate_scipd_checks:
        input:
            metrics=rules.evaluate_scipd.output.metrics,
            counts=rules.count_hybrid_splits.output.counts,
        output:
            claims=[
                scipd_artefact("table", "claims"),
                "results/scipd/tables/claims.md",
                "results/scipd/tables/claims.tex",
            ],
            splits=[
                scipd_artefact("table", "splits"),
                "results/scipd/tables/splits.md",
                "results/scipd/tables/splits.tex",
            ],
        log:
            "logs/tabulate_scipd_checks.log",
        benchmark:
            "benchmarks-out/tabulate_scipd_checks/all.tsv"
        conda:
            "../../../envs/environment.yaml"
        resources:
            mem_mb=2000,
            runtime="10m",
        params:
            method=SCIPD.method,
            base=SCIPD.base,
            switches=scipd_switches(),
        message:
            "Asking what the SCI-PD paper claims"
        script:
            "../../../scripts/tabulate_scipd_checks.py"

    if SCIPD.tsne is not None:

        rule draw_scipd_tsne:
            input:
                predictions=scipd_tsne_files("predictions.parquet"),
                features=scipd_tsne_files("features.safetensors"),
                index=f"results/data/{SCIPD.tsne.dataset}/index.parquet",
            output:
                svg=scipd_artefact("figure", "tsne"),
                png="results/scipd/figures/tsne.png",
            log:
                "logs/draw_scipd_tsne.log",
            benchmark:
                "benchmarks-out/draw_scipd_tsne/all.tsv"
            conda:
                "../../../envs/environment.yaml"
            resources:
                mem_mb=2000,
                runtime="30m",
            params:
                tsne=SCIPD.tsne.model_dump(mode="json"),
                seed=SCIPD.seeds[0],
                style=lookup(dpath="plots", within=config),
            message:
                "Mapping target features"
            script:
                "../../../scripts/draw_scipd_tsne.py"
