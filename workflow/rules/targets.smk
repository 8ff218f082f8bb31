# Names you can type. Each works at every scale; `./replidg --list` prints them.


rule all:
    input:
        rules.build_report.output,
        rules.compare_alignment.output,
        rules.compare_scipd.output if SCIPD_ARMS else [],
        rules.compare_robust_ft.output if ROBUST else [],
        rules.compare_vltseg.output if CONFIG.vltseg else [],
        rules.compare_forgotten.output if FORGOTTEN_NUMBERS else [],


rule report:
    input:
        rules.build_report.output,


rule data:
    input:
        expand("results/data/{dataset}/index.parquet", dataset=CONFIG.datasets),


rule retrieve:
    input:
        [checked(dataset) for dataset in REPORTED_DATASETS],


rule index:
    input:
        expand("results/data/{dataset}/index.parquet", dataset=REPORTED_DATASETS),


rule pretrain:
    input:
        expand(
            "results/models/{model}/model.json",
            model={PAPER.model, *SCIPD_TEACHER, *robust_clips()}.intersection(TRAINED),
        ),


rule embed:
    input:
        expand(
            "results/embeddings/{model}/{preprocessing}/{dataset}/images.safetensors",
            model=PAPER.model,
            preprocessing={variant.preprocessing for variant in PAPER.scores.values()},
            dataset=PAPER.datasets,
        ),
        [class_texts(SCIPD.teacher, SCIPD.prompts, d) for d in SCIPD_PAGES.values()],
        robust_images(),


rule align:
    input:
        [path for variant in PAPER.scores for path in splits(variant)],


rule train:
    input:
        [f"{run}/predictions.parquet" for run in trained_runs()],
        scipd_files("predictions.parquet"),
        [path for _, _, path in robust_files()],
        [f"{vltseg_arms.folder(run)}/metrics.json" for run in vltseg_arms.runs(CONFIG)],
        mix_scores() if "forgotten:pools" in PROVIDED else [],


rule evaluate:
    input:
        rules.evaluate_alignment.output,
        rules.evaluate_scipd.output if SCIPD_ARMS else [],
        rules.evaluate_robust_ft.output if ROBUST else [],
        rules.evaluate_robust_ft_gains.output if ROBUST else [],
        rules.evaluate_vltseg.output if CONFIG.vltseg else [],
        rules.evaluate_domains.output if "forgotten:labels" in PROVIDED else [],
        rules.evaluate_forgotten.output if "forgotten:pools" in PROVIDED else [],


rule compare:
    input:
        rules.compare_alignment.output,
        rules.compare_scipd.output if SCIPD_ARMS else [],
        rules.compare_robust_ft.output if ROBUST else [],
        rules.compare_vltseg.output if CONFIG.vltseg else [],
        rules.compare_forgotten.output if FORGOTTEN_NUMBERS else [],


rule annotate:
    input:
        rules.write_alignment_annotation.output,


rule figures:
    input:
        artefact_files(a for a in ARTEFACTS if a.kind == "figure"),


rule tables:
    input:
        artefact_files(a for a in ARTEFACTS if a.kind == "table"),


for dataset in CONFIG.datasets:

    rule:
        name:
            f"data_{dataset}"
        input:
            f"results/data/{dataset}/index.parquet",


for paper in artefacts.PAPERS:
    if artefacts.of(paper):

        rule:
            name:
                paper
            input:
                artefact_files(a for a in ARTEFACTS if a.paper == paper),


for artefact in artefacts.ARTEFACTS:

    rule:
        name:
            artefacts.target(artefact)
        input:
            made_or_missing(artefact),


localrules:
    all,
    report,
    data,
    retrieve,
    index,
    pretrain,
    embed,
    align,
    train,
    evaluate,
    compare,
    annotate,
    figures,
    tables,
