# arXiv 2410.08258: web pictures, and classifiers of natural pictures and renditions.


rule download_shards:
    input:
        verified=checked(CORPUS.dataset) if CORPUS.source == "img2dataset" else [],
    output:
        done=f"{SHARDS_FOLDER}/downloads/{{part}}.json",
    log:
        "logs/download_shards/{part}.log",
    benchmark:
        "benchmarks-out/download_shards/{part}.tsv"
    wildcard_constraints:
        part=r"\d+",
    conda:
        "../../envs/environment.yaml"
    threads: CORPUS.img2dataset.processes
    resources:
        mem_mb=grows(64000),
        runtime=grows("7d"),
    params:
        corpus=CORPUS.model_dump(
            mode="json",
            include={"source", "images_per_shard", "download_jobs", "img2dataset"},
        ),
        page=lambda w: getattr(CONFIG.datasets[CORPUS.dataset], "registry", None)
        or CORPUS.dataset,
    message:
        "Downloading part {wildcards.part} of the web pictures with img2dataset"
    script:
        "../../scripts/download_shards.py"


rule retrieve_shards:
    input:
        unpack(shard_sources),
    output:
        shards="results/forgotten/shards.json",
    log:
        "logs/retrieve_shards.log",
    benchmark:
        "benchmarks-out/retrieve_shards/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("1d"),
    params:
        corpus=CORPUS.model_dump(
            mode="json", include={"source", "folder", "images_per_shard"}
        ),
        folder=SHARDS_FOLDER,
    message:
        "Listing the shards of web pictures"
    script:
        "../../scripts/retrieve_shards.py"


rule sample_domain_images:
    input:
        shards=rules.retrieve_shards.output.shards,
        indexes=forgotten_indexes(FORGOTTEN_TESTED),
    output:
        images=directory("results/forgotten/labelled/web"),
        sample="results/forgotten/labelled/sample.parquet",
        pages=directory("results/forgotten/labelled/pages"),
        sheet="results/forgotten/labelled/sheet.csv",
    log:
        "logs/sample_domain_images.log",
    benchmark:
        "benchmarks-out/sample_domain_images/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(8000),
        runtime=grows("12h"),
    params:
        datasets=FORGOTTEN_TESTED,
        sets=FORGOTTEN_SETS,
        labels=DOMAINS.labels.model_dump(
            mode="json", exclude={"sheets", "files", "truth", "held_out"}
        ),
    message:
        "Drawing pictures to be labelled, and writing the pages for it"
    script:
        "../../scripts/sample_domain_images.py"


rule label_domains:
    input:
        unpack(labelled_sources),
    output:
        labels="results/forgotten/labels.parquet",
    log:
        "logs/label_domains.log",
    benchmark:
        "benchmarks-out/label_domains/all.tsv"
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=grows(4000),
        runtime=grows("10m"),
    params:
        labels=DOMAINS.labels.model_dump(
            mode="json", include={"sheets", "files", "truth", "held_out", "seed"}
        ),
    message:
        "Collecting the domain labels"
    script:
        "../../scripts/label_domains.py"


for job, names in CLASSIFIER_JOBS.items():

    rule:
        name:
            f"train_domain_classifiers_{job}"
        input:
            labels=rules.label_domains.output.labels,
            facts=f"results/models/{DOMAINS.model}/model.json",
        output:
            weights=classifier_files("model.safetensors", names),
            predictions=classifier_files("predictions.parquet", names),
            facts=classifier_files("training.json", names),
        log:
            f"logs/train_domain_classifiers/{job}.log",
        benchmark:
            f"benchmarks-out/train_domain_classifiers/{job}.tsv"
        conda:
            "../../envs/environment.yaml"
        threads: DOMAINS.threads
        resources:
            gpu=1,
            mem_mb=grows(32000),
            runtime=grows("12h"),
        params:
            names=names,
            classifying=CLASSIFYING,
            preprocessing=config["preprocessing"][DOMAINS.preprocessing],
            flags=clip_flags(DOMAINS.model),
            checkpoints=CHECKPOINTS,
        message:
            f"Making the domain classifiers {' '.join(names)}"
        script:
            "../../scripts/train_domain_classifiers.py"
