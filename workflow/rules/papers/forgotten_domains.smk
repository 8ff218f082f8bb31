# arXiv 2410.08258: numbers and tables of labels, domain classifiers and compositions.

DOMAIN_TABLES = [
    name
    for name in names_of("forgotten", "table")
    if name in {row[1] for row in artefacts_forgotten.DOMAINS}
]


rule evaluate_domains:
    input:
        predictions=classifier_files("predictions.parquet"),
        thresholds=rules.choose_domain_classifiers.output.thresholds,
        labels=rules.label_domains.output.labels,
        web=rules.gather_corpus.output.domains,
        tables=domain_tables(FORGOTTEN_DATASETS),
        clean=rules.clean_test_sets.output.clean,
        classes=rules.clean_test_sets.output.classes,
    output:
        metrics="results/forgotten/domain_metrics.parquet",
    log:
        "logs/evaluate_domains.log",
    benchmark:
        "benchmarks-out/evaluate_domains/all.tsv"
    conda:
        "../../../envs/environment.yaml"
    resources:
        mem_mb=grows(16000),
        runtime=grows("1h"),
    params:
        classifiers=list(DOMAINS.classifiers),
        datasets=FORGOTTEN_DATASETS,
        tested=FORGOTTEN_TESTED,
        sets=FORGOTTEN_SETS,
        precision=DOMAINS.precision,
    message:
        "Counting domains, and scoring the classifiers"
    script:
        "../../../scripts/evaluate_domains.py"


rule tabulate_forgotten_domains:
    input:
        metrics=rules.evaluate_domains.output.metrics,
    output:
        **written("forgotten", "table", DOMAIN_TABLES),
    log:
        "logs/tabulate_forgotten_domains.log",
    benchmark:
        "benchmarks-out/tabulate_forgotten_domains/all.tsv"
    conda:
        "../../../envs/environment.yaml"
    resources:
        mem_mb=grows(2000),
        runtime=grows("20m"),
    params:
        paper="forgotten",
        names=DOMAIN_TABLES,
        options={"strict": f"{100 * DOMAINS.precision:g}"},
    message:
        f"Writing tables of the forgotten paper: {' '.join(DOMAIN_TABLES)}"
    script:
        "../../../scripts/write_tables.py"


rule forgotten_sheets:
    input:
        rules.sample_domain_images.output.pages,


localrules:
    forgotten_sheets,
