# A rule a job, since a job's outputs cannot depend on wildcards; or one rule for all results.
for SEG_TEST_JOB, SEG_TEST_FILES in SEG_TEST_JOBS.items():

    rule:
        name:
            "_".join(filter(None, ["test_segmentor", SEG_TEST_JOB]))
        input:
            networks=partial(seg_test_networks, SEG_TEST_JOB),
            indexes=partial(seg_test_indexes, SEG_TEST_JOB),
            verified=partial(seg_test_images, SEG_TEST_JOB),
            models=partial(seg_test_models, SEG_TEST_JOB),
        output:
            SEG_TEST_FILES,
        log:
            "logs/test_segmentor/"
            + (SEG_TEST_JOB or "{source}/{arm}/{seed}/{tested}.{result}")
            + ".log",
        benchmark:
            "benchmarks-out/test_segmentor/"
            + (SEG_TEST_JOB or "{source}.{arm}.{seed}.{tested}.{result}")
            + ".tsv"
        wildcard_constraints:
            source=any_of(CONFIG.vltseg.sources),
            arm=any_of(vltseg_arms.arms(CONFIG)),
            tested=any_of(CONFIG.datasets),
            result=any_of(vltseg_tests.FILES.values()),
        conda:
            "../../envs/environment.yaml"
        threads: CONFIG.vltseg.test.threads
        resources:
            gpu=1,
            mem_mb=grows(24000),
            runtime=grows("1d"),
        params:
            tests=partial(seg_test_options, SEG_TEST_JOB),
            checkpoints=CHECKPOINTS,
        message:
            "Testing segmentation networks"
        script:
            "../../scripts/test_segmentor.py"


rule check_submissions:
    input:
        files=SEG_SUBMISSIONS,
        indexes=expand(
            "results/data/{name}/index.parquet",
            name=sorted({key[-1] for key in vltseg_tests.paths(CONFIG, "submission")}),
        ),
    output:
        table=vltseg_tests.SUBMISSIONS,
    log:
        "logs/check_submissions.log",
    benchmark:
        "benchmarks-out/check_submissions/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("1h"),
    params:
        tta=CONFIG.vltseg.submissions.tta if CONFIG.vltseg.submissions else None,
    message:
        "Checking the files for the test servers"
    script:
        "../../scripts/check_submissions.py"
