# arXiv 2410.08258: the chosen domain classifiers, applied to web pictures and test sets.


rule choose_domain_classifiers:
    input:
        predictions=classifier_files("predictions.parquet"),
    output:
        thresholds=classifier_files("thresholds.json"),
        chosen="results/forgotten/classifiers/chosen.json",
    log:
        "logs/choose_domain_classifiers.log",
    benchmark:
        "benchmarks-out/choose_domain_classifiers/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("10m"),
    params:
        names=list(DOMAINS.classifiers),
        choice=DOMAINS.model_dump(
            mode="json",
            include={
                "candidates",
                "natural",
                "rendition",
                "precision",
                "relaxed_precision",
            },
        ),
    message:
        "Choosing the domain classifiers that filter"
    script:
        "../../scripts/choose_domain_classifiers.py"


rule filter_corpus:
    input:
        shards=rules.retrieve_shards.output.shards,
        facts=f"results/models/{DOMAINS.model}/model.json",
        chosen=rules.choose_domain_classifiers.output.chosen,
        weights=classifier_files("model.safetensors"),
    output:
        **(
            {"embeddings": "results/forgotten/filter/{part}.safetensors"}
            if KEEPS_EMBEDDINGS
            else {}
        ),
        scores="results/forgotten/filter/{part}.parquet",
    log:
        "logs/filter_corpus/{part}.log",
    benchmark:
        "benchmarks-out/filter_corpus/{part}.tsv"
    wildcard_constraints:
        part=r"\d+",
    conda:
        "../../envs/environment.yaml"
    threads: DOMAINS.threads
    resources:
        gpu=1,
        mem_mb=grows(32000),
        runtime=grows("1d"),
    params:
        preprocessing=config["preprocessing"][DOMAINS.preprocessing],
        flags=clip_flags(DOMAINS.model),
        precision=DOMAINS.filter_precision,
        embed=KEEPS_EMBEDDINGS,
        jobs=CORPUS.jobs,
        checkpoints=CHECKPOINTS,
    message:
        "Classifying web pictures, part {wildcards.part}"
    script:
        "../../scripts/filter_corpus.py"


for job, names in DATASET_JOBS.items():

    rule:
        name:
            f"classify_domains_{job}"
        input:
            indexes=forgotten_indexes(names),
            facts=f"results/models/{DOMAINS.model}/model.json",
            chosen=rules.choose_domain_classifiers.output.chosen,
            weights=classifier_files("model.safetensors"),
        output:
            **({"embeddings": domain_vectors(names)} if CORPUS.pruned else {}),
            domains=domain_tables(names),
        log:
            f"logs/classify_domains/{job}.log",
        benchmark:
            f"benchmarks-out/classify_domains/{job}.tsv"
        conda:
            "../../envs/environment.yaml"
        threads: DOMAINS.threads
        resources:
            gpu=1,
            mem_mb=grows(16000),
            runtime=grows("12h"),
        params:
            preprocessing=config["preprocessing"][DOMAINS.preprocessing],
            flags=clip_flags(DOMAINS.model),
            precision=DOMAINS.filter_precision,
            embed=bool(CORPUS.pruned),
            checkpoints=CHECKPOINTS,
        message:
            f"Classifying the domains of {' '.join(names)}"
        script:
            "../../scripts/classify_domains.py"


if KEEPS_EMBEDDINGS:

    rule compare_corpus:
        input:
            scores=filter_parts("parquet"),
            embeddings=filter_parts("safetensors"),
            tables=domain_tables(FORGOTTEN_DATASETS) if CORPUS.pruned else [],
            vectors=domain_vectors(FORGOTTEN_DATASETS) if CORPUS.pruned else [],
            lists=[path for how in CORPUS.pruned.values() for path in how.files],
        output:
            marks=filter_parts("marks.parquet"),
        log:
            "logs/compare_corpus.log",
        benchmark:
            "benchmarks-out/compare_corpus/all.tsv"
        conda:
            "../../envs/environment.yaml"
        threads: DOMAINS.threads
        resources:
            gpu=1,
            mem_mb=grows(64000),
            runtime=grows("2d"),
        params:
            corpus=CORPUS.model_dump(
                mode="json", include={"source", "folder", "deduplication", "pruned"}
            ),
            datasets=FORGOTTEN_DATASETS if CORPUS.pruned else [],
            train=FORGOTTEN.train_set,
            checkpoints=CHECKPOINTS,
        message:
            "Looking for near duplicates and for pictures that are like test sets"
        script:
            "../../scripts/compare_corpus.py"


rule gather_corpus:
    input:
        scores=filter_parts("parquet"),
        marks=rules.compare_corpus.output.marks if KEEPS_EMBEDDINGS else [],
        chosen=rules.choose_domain_classifiers.output.chosen,
    output:
        domains="results/forgotten/domains/corpus/domains.parquet",
    log:
        "logs/gather_corpus.log",
    benchmark:
        "benchmarks-out/gather_corpus/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(16000),
        runtime=grows("4h"),
    message:
        "Assigning the domains of the web pictures"
    script:
        "../../scripts/gather_corpus.py"


rule clean_test_sets:
    input:
        tables=domain_tables(FORGOTTEN_TESTED),
        chosen=rules.choose_domain_classifiers.output.chosen,
    output:
        clean=expand(
            "results/forgotten/clean/{dataset}.parquet", dataset=FORGOTTEN_TESTED
        ),
        classes="results/forgotten/clean/classes.json",
    log:
        "logs/clean_test_sets.log",
    benchmark:
        "benchmarks-out/clean_test_sets/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(8000),
        runtime=grows("20m"),
    params:
        datasets=FORGOTTEN_TESTED,
        sets=FORGOTTEN_SETS,
    message:
        "Cleaning the test sets"
    script:
        "../../scripts/clean_test_sets.py"
