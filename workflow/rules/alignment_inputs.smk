# Files of the alignment paper that several rules read, and how its artefacts are written.


def zero_shot_predictions():
    """Predictions of zero-shot, if it is among the methods of the alignment paper."""
    if "zero_shot" not in PROVIDED:
        return []
    return [
        f"results/zero_shot/{PAPER.model}/{dataset}/predictions.parquet"
        for dataset in PAPER.datasets
    ]


def predictions(wildcards):
    """Predictions of every method of the alignment paper, zero-shot among them."""
    trained = [f"{run}/predictions.parquet" for run in trained_runs()]
    return zero_shot_predictions() + trained


def method_predictions(method):
    """Predictions of one method on every data set."""
    if method not in FINE_TUNED:
        return zero_shot_predictions()
    return [
        f"{run}/predictions.parquet"
        for dataset in PAPER.datasets
        for run in runs(dataset, method)
    ]


def compared_predictions():
    """Backbone and file of the predictions that Tables 2 and 4 hold against each other."""
    compared = {
        (dataset, method)
        for other in PAPER.backbones.values()
        for dataset in set(other.datasets) & set(PAPER.datasets)
        for method in set(other.methods) & set(FINE_TUNED)
    }
    everyone = [(PAPER.model, compared)] + [
        (m, {c for c in compared if c[0] in b.datasets and c[1] in b.methods})
        for m, b in PAPER.backbones.items()
    ]
    return [
        (m, f"{run}/predictions.parquet")
        for m, pairs in everyone
        for dataset, method in sorted(pairs)
        for run in runs(dataset, method, m)
    ]


def scores():
    """Score files of the variant that splits."""
    return [
        f"results/alignment/{PAPER.model}/{PAPER.score}/{d}/scores.parquet"
        for d in PAPER.datasets
    ]


def bounds_file():
    return f"results/alignment/{PAPER.model}/{PAPER.score}/thresholds.json"


def measured(what):
    """What the similarity stage knows of each data set's images."""
    return [
        f"results/alignment/{PAPER.model}/{d}/{what}.parquet" for d in PAPER.datasets
    ]


def indexes():
    return [f"results/data/{dataset}/index.parquet" for dataset in PAPER.datasets]


def claim_files():
    """Tidy metrics that the paper's claims are asked of."""
    names = ["metrics", "similarity"] if "corpus" in PROVIDED else ["metrics"]
    return [f"results/alignment/{name}.parquet" for name in names]


def metric_files():
    """Tidy metrics that this configuration can make."""
    names = ["metrics", "sources"]
    names += ["sizes"] if "sizes" in PROVIDED else []
    names += ["similarity"] if "corpus" in PROVIDED else []
    names += ["backbones"] if PROVIDED & {"backbones", "scratch"} else []
    names += ["labels"] if "labels" in PROVIDED else []
    return [f"results/alignment/{name}.parquet" for name in names]


def splits(variant=PAPER.score, model=PAPER.model):
    """Split files of the alignment paper's data sets, in the order of the configuration."""
    return [
        f"results/alignment/{model}/{variant}/{d}/split.parquet" for d in PAPER.datasets
    ]
