# A rule a job, since a job's outputs cannot depend on wildcards; or one rule for all runs.
for SEG_JOB, SEG_JOB_WEIGHTS in SEG_TRAIN_JOBS.items():

    rule:
        name:
            "_".join(filter(None, ["train_segmentor", SEG_JOB]))
        input:
            encoders=partial(seg_encoders, SEG_JOB),
            indexes=partial(seg_train_indexes, SEG_JOB),
            verified=partial(seg_train_images, SEG_JOB),
            starts=partial(seg_starts, SEG_JOB),
        output:
            weights=SEG_JOB_WEIGHTS,
            plans=seg_beside(SEG_JOB_WEIGHTS, "segmentor.json"),
            configs=seg_beside(SEG_JOB_WEIGHTS, "mmengine_config.py"),
            metrics=seg_beside(SEG_JOB_WEIGHTS, "metrics.json"),
        log:
            "logs/train_segmentor/" + (SEG_JOB or "{source}/{arm}/{seed}") + ".log",
        benchmark:
            "benchmarks-out/train_segmentor/"
            + (SEG_JOB or "{source}.{arm}.{seed}")
            + ".tsv"
        wildcard_constraints:
            source=any_of(CONFIG.vltseg.sources),
            arm=any_of(vltseg_arms.arms(CONFIG)),
        conda:
            "../../envs/environment.yaml"
        threads: CONFIG.vltseg.training.threads
        resources:
            gpu=CONFIG.vltseg.training.gpus,
            mem_mb=grows(48000),
            runtime=grows("4d"),
        params:
            protocol=partial(seg_protocol, SEG_JOB),
            checkpoints=CHECKPOINTS,
        message:
            "Training segmentation networks"
        script:
            "../../scripts/train_segmentor.py"
