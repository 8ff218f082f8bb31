rule train_students:
    input:
        students=scipd_student_facts,
        teacher=f"results/models/{SCIPD.teacher}/model.json",
        index="results/data/{dataset}/index.parquet",
        classes="results/data/{dataset}/classes.json",
        texts=scipd_texts,
        stores=training_images,
    output:
        **(
            {
                "weights": "results/runs/scipd/{dataset}/{arm}/{sets}/{target}/{seed}/model.safetensors"
            }
            if SCIPD.keep_weights
            else {}
        ),
        predictions="results/runs/scipd/{dataset}/{arm}/{sets}/{target}/{seed}/predictions.parquet",
        metrics="results/runs/scipd/{dataset}/{arm}/{sets}/{target}/{seed}/metrics.json",
        features="results/runs/scipd/{dataset}/{arm}/{sets}/{target}/{seed}/features.safetensors",
    log:
        "logs/train_students/{dataset}/{arm}/{sets}/{target}/{seed}.log",
    benchmark:
        "benchmarks-out/train_students/{dataset}.{arm}.{sets}.{target}.{seed}.tsv"
    conda:
        "../../envs/environment.yaml"
    threads: scipd_threads
    resources:
        gpu=SCIPD.training.gpus,
        mem_mb=grows(12000),
        runtime=grows("12h"),
    params:
        domains=target_domains,
        runs=scipd_job,
        arms=scipd_job_arms,
        splits=lambda wildcards: scipd_splits(wildcards.dataset),
        data=lambda wildcards: SCIPD.datasets[wildcards.dataset].model_dump(
            mode="json", exclude={"splits", "targets"}
        ),
        students=scipd_job_students,
        protocol=scipd_protocol,
        preprocessing=setting(f"preprocessing/{SCIPD.training.preprocessing}"),
        feature_images=SCIPD.feature_images,
        keep_weights=SCIPD.keep_weights,
        checkpoints=CHECKPOINTS,
    message:
        "Training students on {wildcards.dataset} ({wildcards.arm}, {wildcards.sets}, {wildcards.target}, {wildcards.seed})"
    script:
        "../../scripts/train_students.py"


rule count_hybrid_splits:
    input:
        indexes=expand(
            "results/data/{dataset}/index.parquet", dataset=SCIPD_PAGES.values()
        ),
    output:
        counts="results/scipd/counts.parquet",
    log:
        "logs/count_hybrid_splits.log",
    benchmark:
        "benchmarks-out/count_hybrid_splits/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("30m"),
    params:
        pages={dataset: page for page, dataset in SCIPD_PAGES.items()},
        official=[
            d for d in SCIPD_PAGES.values() if CONFIG.datasets[d].source == "official"
        ],
        domains={d: CONFIG.datasets[d].domains for d in SCIPD_PAGES.values()},
        targets={d: scipd_arms.targets(CONFIG, d) for d in SCIPD_PAGES.values()},
        splits={d: scipd_splits(d) for d in SCIPD_PAGES.values()},
        data={
            d: SCIPD.datasets[d].model_dump(mode="json", exclude={"splits", "targets"})
            for d in SCIPD_PAGES.values()
        },
    message:
        "Counting the images of the label sets"
    script:
        "../../scripts/count_hybrid_splits.py"


rule evaluate_scipd:
    input:
        predictions=scipd_files("predictions.parquet"),
    output:
        metrics="results/scipd/metrics.parquet",
    log:
        "logs/evaluate_scipd.log",
    benchmark:
        "benchmarks-out/evaluate_scipd/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(8000),
        runtime=grows("2h"),
    params:
        studies=scipd_arms.study_runs(CONFIG),
        hybridness={
            d: {name: float(s.h) for name, s in scipd_arms.splits(CONFIG, d).items()}
            for d in SCIPD_PAGES.values()
        },
        values={
            study: {
                name: arm.studies[study]
                for name, arm in SCIPD_ARMS.items()
                if study in arm.studies
            }
            for study in scipd_arms.study_runs(CONFIG)
        },
        accept=SCIPD.source_accept,
        ddof=SCIPD.cv_ddof,
    message:
        "Computing the metrics of the SCI-PD paper"
    script:
        "../../scripts/evaluate_scipd.py"


rule compare_scipd:
    input:
        metrics=rules.evaluate_scipd.output.metrics,
        verified=[checked(dataset) for dataset in SCIPD_PAGES.values()],
    output:
        verdicts="results/scipd/verdicts.csv",
    log:
        "logs/compare_scipd.log",
    benchmark:
        "benchmarks-out/compare_scipd/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("10m"),
    params:
        names=list(SCIPD_PAGES.values()),
        pages={d: scipd_arms.page(CONFIG, d) for d in SCIPD_PAGES.values()},
        scale=CONFIG.scale,
    message:
        "Comparing the SCI-PD paper's numbers with ours"
    script:
        "../../scripts/compare_scipd.py"
