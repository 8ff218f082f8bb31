rule build_report:
    input:
        artefacts=artefact_files(ARTEFACTS),
        captions=[
            workflow.source_path(f"../report/{artefacts.target(artefact)}.rst")
            for artefact in ARTEFACTS
        ],
        verified=[
            checked(dataset)
            for dataset in dict.fromkeys(
                [
                    *PAPER.datasets,
                    *SCIPD_PAGES.values(),
                    *ROBUST_DATASETS,
                    *FORGOTTEN_SHOWN,
                ]
            )
        ],
        models=expand(
            "results/zero_shot/{model}/{dataset}/zero_shot.json",
            model=PAPER.model,
            dataset=PAPER.datasets,
        ),
    output:
        html="results/report.html",
    log:
        "logs/build_report.log",
    benchmark:
        "benchmarks-out/build_report/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime="1h",
    params:
        scale=CONFIG.scale,
        config=config,
        benchmarks="benchmarks-out",
    message:
        "Writing results/report.html"
    script:
        "../../scripts/build_report.py"
