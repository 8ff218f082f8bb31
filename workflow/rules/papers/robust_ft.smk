# arXiv 2311.02236: training and evaluation. Its artefacts are in robust_ft_artefacts.smk.


wildcard_constraints:
    runs=rf"{ALL_RUNS}|fraction[\d.e-]+_rate[\d.e-]+_(seed\d+|all_seeds)",


rule classify_robust_ft:
    input:
        facts=robust_model,
        index="results/data/{dataset}/index.parquet",
        classes="results/data/{dataset}/classes.json",
        images=robust_embeddings,
    output:
        predictions="results/runs/robust_ft/{dataset}/{arm}/{runs}/predictions.parquet",
        prompts="results/runs/robust_ft/{dataset}/{arm}/{runs}/prompts.json",
    log:
        "logs/classify_robust_ft/{dataset}/{arm}/{runs}.log",
    benchmark:
        "benchmarks-out/classify_robust_ft/{dataset}.{arm}.{runs}.tsv"
    wildcard_constraints:
        arm=any_of(robust_arms("zero_shot")),
    conda:
        "../../../envs/environment.yaml"
    threads: ROBUST.training.threads
    resources:
        mem_mb=grows(8000),
        runtime=grows("1h"),
    params:
        scored=setting("robust_ft/datasets/{dataset}"),
        splits=list(ROBUST.splits),
        choices=robust_choices,
        checkpoints=CHECKPOINTS,
    message:
        "Classifying {wildcards.dataset} by its prompts"
    script:
        "../../../scripts/train_robust_ft_probes.py"


rule train_robust_ft_probes:
    input:
        facts=robust_model,
        index="results/data/{dataset}/index.parquet",
        classes="results/data/{dataset}/classes.json",
        images=robust_embeddings,
    output:
        predictions="results/runs/robust_ft/{dataset}/{arm}/{runs}/predictions.parquet",
        metrics="results/runs/robust_ft/{dataset}/{arm}/{runs}/metrics.json",
    log:
        "logs/train_robust_ft_probes/{dataset}/{arm}/{runs}.log",
    benchmark:
        "benchmarks-out/train_robust_ft_probes/{dataset}.{arm}.{runs}.tsv"
    wildcard_constraints:
        arm=any_of(robust_arms("linear_probe")),
    conda:
        "../../../envs/environment.yaml"
    threads: ROBUST.training.threads
    resources:
        gpu=1,
        mem_mb=grows(16000),
        runtime=grows("4h"),
    params:
        scored=setting("robust_ft/datasets/{dataset}"),
        arm=robust_arm,
        splits=list(ROBUST.splits),
        training=robust_training,
        choices=robust_choices,
        checkpoints=CHECKPOINTS,
    message:
        "Training all linear probes {wildcards.arm} on {wildcards.dataset}"
    script:
        "../../../scripts/train_robust_ft_probes.py"


rule train_robust_ft:
    input:
        facts=robust_model,
        index="results/data/{dataset}/index.parquet",
        classes="results/data/{dataset}/classes.json",
        stores=training_images,
    output:
        **(
            {
                "weights": "results/runs/robust_ft/{dataset}/{arm}/{runs}/model.safetensors"
            }
            if ROBUST.keep_weights
            else {}
        ),
        predictions="results/runs/robust_ft/{dataset}/{arm}/{runs}/predictions.parquet",
        metrics="results/runs/robust_ft/{dataset}/{arm}/{runs}/metrics.json",
    log:
        "logs/train_robust_ft/{dataset}/{arm}/{runs}.log",
    benchmark:
        "benchmarks-out/train_robust_ft/{dataset}.{arm}.{runs}.tsv"
    wildcard_constraints:
        arm=any_of(robust_arms("end_to_end")),
    conda:
        "../../../envs/environment.yaml"
    threads: ROBUST.training.threads
    resources:
        gpu=ROBUST.training.gpus,
        mem_mb=grows(24000),
        runtime=grows("1d"),
    params:
        scored=setting("robust_ft/datasets/{dataset}"),
        arm=robust_arm,
        splits=list(ROBUST.splits),
        training=robust_training,
        preprocessing=robust_preprocessing,
        model=robust_model_flags,
        interpolation=robust_interpolation,
        choices=robust_choices,
        checkpoints=CHECKPOINTS,
    message:
        "Fine-tuning {wildcards.arm} on {wildcards.dataset} ({wildcards.runs})"
    script:
        "../../../scripts/train_robust_ft.py"


rule evaluate_robust_ft:
    input:
        predictions=[path for _, _, path in robust_files()],
    output:
        metrics="results/robust_ft/metrics.parquet",
    log:
        "logs/evaluate_robust_ft.log",
    benchmark:
        "benchmarks-out/evaluate_robust_ft/all.tsv"
    conda:
        "../../../envs/environment.yaml"
    resources:
        mem_mb=grows(16000),
        runtime=grows("2h"),
    params:
        names=[dataset for dataset, _, _ in robust_files()],
        scored=ROBUST_METRICS,
    message:
        "Scoring the runs of the robust fine-tuning paper"
    script:
        "../../../scripts/evaluate_robust_ft.py"


rule evaluate_robust_ft_gains:
    input:
        metrics=rules.evaluate_robust_ft.output.metrics,
        predictions=[path for _, _, path in robust_files()],
    output:
        metrics="results/robust_ft/gains.parquet",
    log:
        "logs/evaluate_robust_ft_gains.log",
    benchmark:
        "benchmarks-out/evaluate_robust_ft_gains/all.tsv"
    conda:
        "../../../envs/environment.yaml"
    resources:
        mem_mb=grows(16000),
        runtime=grows("6h"),
    params:
        names=[[dataset, arm] for dataset, arm, _ in robust_files()],
        scored=ROBUST_METRICS,
        arms={name: arm.loss for name, arm in ROBUST.arms.items()},
        options=setting("robust_ft/bootstrap"),
    message:
        "Measuring the gains of SWA and of CLIP"
    script:
        "../../../scripts/evaluate_robust_ft_gains.py"


rule compare_robust_ft:
    input:
        metrics=rules.evaluate_robust_ft.output.metrics,
        verified=[checked(dataset) for dataset in ROBUST_DATASETS],
    output:
        verdicts="results/robust_ft/verdicts.csv",
    log:
        "logs/compare_robust_ft.log",
    benchmark:
        "benchmarks-out/compare_robust_ft/all.tsv"
    conda:
        "../../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("10m"),
    params:
        names=list(ROBUST_DATASETS),
        scale=CONFIG.scale,
    message:
        "Comparing the robust fine-tuning paper's numbers with ours"
    script:
        "../../../scripts/compare_robust_ft.py"
