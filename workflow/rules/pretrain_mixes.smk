# arXiv 2410.08258: pools of natural images and renditions, CLIPs on mixes of them, zero-shot.


rule pack_pool:
    input:
        shards="results/forgotten/shards.json",
        members=pool_members,
    output:
        facts="resources/pools/{pool}/pool.json",
        sizes="resources/pools/{pool}/sizes.json",
    log:
        "logs/pack_pool/{pool}.log",
    benchmark:
        "benchmarks-out/pack_pool/{pool}.tsv"
    wildcard_constraints:
        pool=any_of(MIXES.pools),
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(16000),
        runtime=grows("7d"),
    params:
        pool=setting("forgotten/training/mixes/pools/{pool}"),
        packing=MIXES.model_dump(include={"shard_images", "seed"}),
        checkpoints=CHECKPOINTS,
    message:
        "Packing the pool of {wildcards.pool} images"
    script:
        "../../scripts/pack_pool.py"


for job, dealt_runs in dealt(TRAINED_MIXES, CLIP_RUN.jobs).items():

    rule:
        name:
            f"train_clip_mixes_{job}"
        input:
            pools=expand("resources/pools/{pool}/pool.json", pool=USED_POOLS),
        output:
            weights=mix_weights(dealt_runs),
            facts=[f"{mix_folder(*run)}/mix.json" for run in dealt_runs],
        log:
            f"logs/train_clip_mixes/{job}.log",
        benchmark:
            f"benchmarks-out/train_clip_mixes/{job}.tsv"
        conda:
            "../../envs/environment.yaml"
        threads: CLIP_RUN.threads
        resources:
            gpu=max(1, CLIP_RUN.gpus_per_node * CLIP_RUN.nodes),
            nodes=CLIP_RUN.nodes,
            mem_mb=grows(24000 * max(1, CLIP_RUN.gpus_per_node)),
            runtime=grows("14d"),
        params:
            runs=dealt_runs,
            mixes=MIXES.model_dump(mode="json", exclude={"series", "unit_name"}),
            protocol=CLIP_PROTOCOL,
            checkpoints=CHECKPOINTS,
        message:
            f"Training CLIPs on mixes: {' '.join(name for name, _ in dealt_runs)}"
        script:
            "../../scripts/train_clip_mixes.py"


for job, dealt_runs in evaluated_mixes().items():

    rule:
        name:
            f"evaluate_clip_mixes_{job}"
        input:
            **clean_files(),
            weights=mix_inputs(dealt_runs),
            indices=expand(
                "results/data/{dataset}/index.parquet", dataset=FORGOTTEN_TESTED
            ),
        output:
            scores=[f"{mix_folder(*run)}/zero_shot.parquet" for run in dealt_runs],
            predictions=[
                f"{mix_folder(*run)}/predictions.parquet" for run in dealt_runs
            ],
        log:
            f"logs/evaluate_clip_mixes/{job}.log",
        benchmark:
            f"benchmarks-out/evaluate_clip_mixes/{job}.tsv"
        conda:
            "../../envs/environment.yaml"
        threads: MIXING.zero_shot.threads
        resources:
            gpu=1,
            mem_mb=grows(32000),
            runtime=grows("1d"),
        params:
            runs=mix_checkpoints(dealt_runs),
            protocol=CLIP_PROTOCOL,
            templates=setting("forgotten/training/zero_shot/templates"),
            sets=FORGOTTEN_PLACES,
            datasets=FORGOTTEN_TESTED,
            scratch=f"{CHECKPOINTS}/clip_mixes/evaluation_{job}",
        message:
            f"Classifying the test sets zero-shot: {' '.join(name for name, _ in dealt_runs)}"
        script:
            "../../scripts/evaluate_clip_mixes.py"


rule evaluate_forgotten:
    input:
        scores=mix_scores(),
        pools=expand("resources/pools/{pool}/pool.json", pool=USED_POOLS),
        resnets=resnet_scores(),
    output:
        metrics="results/forgotten/metrics.parquet",
    log:
        "logs/evaluate_forgotten.log",
    benchmark:
        "benchmarks-out/evaluate_forgotten/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("30m"),
    params:
        runs=[run for own in evaluated_mixes().values() for run in own],
        mixes=MIXES.model_dump(mode="json"),
    message:
        "Reducing the accuracies of all epochs to the paper's figures"
    script:
        "../../scripts/evaluate_forgotten.py"
