# Names you can type. Each works at every scale; `./replidg --list` prints them.


rule all:
    input:
        rules.build_report.output,


rule report:
    input:
        rules.build_report.output,


rule retrieve:
    input:
        expand("resources/datasets/{dataset}/.verified.json", dataset=PAPER.datasets),


rule index:
    input:
        expand("results/data/{dataset}/index.parquet", dataset=PAPER.datasets),


rule pretrain:
    input:
        expand(
            "results/models/{model}/model.json",
            model={PAPER.model}.intersection(TRAINED),
        ),


rule embed:
    input:
        expand(
            "results/embeddings/{model}/{preprocessing}/{dataset}/images.safetensors",
            model=PAPER.model,
            preprocessing={variant.preprocessing for variant in PAPER.scores.values()},
            dataset=PAPER.datasets,
        ),


rule align:
    input:
        [path for variant in PAPER.scores for path in splits(variant)],


rule train:
    input:
        [f"{run}/predictions.parquet" for run in trained_runs()],


rule evaluate:
    input:
        rules.evaluate_alignment.output,


rule figures:
    input:
        artefact_files(a for a in artefacts.ARTEFACTS if a.kind == "figure"),


rule tables:
    input:
        artefact_files(a for a in artefacts.ARTEFACTS if a.kind == "table"),


for paper in artefacts.PAPERS:
    if artefacts.of(paper):

        rule:
            name:
                paper
            input:
                artefact_files(artefacts.of(paper)),


for artefact in artefacts.ARTEFACTS:

    rule:
        name:
            artefacts.target(artefact)
        input:
            artefacts.files(artefact),


localrules:
    all,
    report,
    retrieve,
    index,
    pretrain,
    embed,
    align,
    train,
    evaluate,
    figures,
    tables,
