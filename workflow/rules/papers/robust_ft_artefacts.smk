# arXiv 2311.02236: its figures and tables.

ROBUST_FIGURES, ROBUST_TABLES = (
    names_of("robust_ft", kind) for kind in ("figure", "table")
)
# What needs the slow bootstrap of the gains, and what does not.
ROBUST_GAINS = ("gains", "swa_gain", "clip_gain", "contrastive")


def robust_metrics(gains):
    """Files of metrics that artefacts read."""
    names = ["metrics", "gains"] if gains else ["metrics"]
    return [f"results/robust_ft/{name}.parquet" for name in names]


for gains in (False, True):
    figures = [name for name in ROBUST_FIGURES if (name in ROBUST_GAINS) == gains]
    tables = [name for name in ROBUST_TABLES if (name in ROBUST_GAINS) == gains]
    part = "gains" if gains else "metrics"

    rule:
        name:
            f"draw_robust_ft_{part}"
        input:
            metrics=robust_metrics(gains),
        output:
            **written("robust_ft", "figure", figures),
        log:
            f"logs/draw_robust_ft_figures/{part}.log",
        benchmark:
            f"benchmarks-out/draw_robust_ft_figures/{part}.tsv"
        conda:
            "../../../envs/environment.yaml"
        resources:
            mem_mb=grows(2000),
            runtime=grows("20m"),
        params:
            paper="robust_ft",
            names=figures,
            options={"scored": ROBUST_METRICS, "level": ROBUST.bootstrap.level},
            style=setting("plots"),
        message:
            f"Drawing figures of the robust fine-tuning paper: {' '.join(figures)}"
        script:
            "../../../scripts/draw_figures.py"

    rule:
        name:
            f"tabulate_robust_ft_{part}"
        input:
            metrics=robust_metrics(gains),
            prompts=robust_prompts(),
        output:
            **written("robust_ft", "table", tables),
        log:
            f"logs/tabulate_robust_ft/{part}.log",
        benchmark:
            f"benchmarks-out/tabulate_robust_ft/{part}.tsv"
        conda:
            "../../../envs/environment.yaml"
        resources:
            mem_mb=grows(2000),
            runtime=grows("20m"),
        params:
            names=tables,
            scored=ROBUST_METRICS,
            arms={
                "contrastive": provides.contrastive_arms(CONFIG),
                "frozen": provides.frozen_arms(CONFIG),
            },
        message:
            f"Writing tables of the robust fine-tuning paper: {' '.join(tables)}"
        script:
            "../../../scripts/tabulate_robust_ft.py"
