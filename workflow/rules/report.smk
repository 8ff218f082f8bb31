# What the papers of this configuration read, in their order.
REPORTED_DATASETS = list(
    dict.fromkeys(
        [
            *PAPER.datasets,
            *SCIPD_PAGES.values(),
            *ROBUST_DATASETS,
            *SEG_DATASETS,
            *FORGOTTEN_SHOWN,
        ]
    )
)


rule build_report:
    input:
        artefacts=artefact_files(ARTEFACTS),
        captions=[
            workflow.source_path(f"../report/{artefacts.target(artefact)}.rst")
            for artefact in ARTEFACTS
        ],
        verified=[checked(dataset) for dataset in REPORTED_DATASETS],
        models=expand(
            "results/zero_shot/{model}/{dataset}/zero_shot.json",
            model=PAPER.model,
            dataset=PAPER.datasets,
        ),
        verdicts=verdict_files(),
    output:
        html="results/report.html",
        provenance="results/provenance.json",
    log:
        "logs/build_report.log",
    benchmark:
        "benchmarks-out/build_report/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(2000),
        runtime=grows("1h"),
    params:
        scale=CONFIG.scale,
        config=config,
        benchmarks="benchmarks-out",
        lacks=lacking_artefacts(),
        gpus=gpus_asked,
        configfiles=overlays(),
    message:
        "Writing results/report.html"
    script:
        "../../scripts/build_report.py"
