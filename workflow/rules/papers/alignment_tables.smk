# arXiv 2412.02856: its tables. What they are computed from is in the stage files.

# One rule writes all tables that show the same file of metrics; each has its own caption.
TABLES = [a.name for a in ARTEFACTS if (a.paper, a.kind) == ("alignment", "table")]
TABLES_OF = {
    "backbones": ("table2", "table4", "cross_splits"),
    "labels": ("table7",),
    "similarity": ("table3",),
    "splits": ("table8",),
    "metrics": (
        *("table1a", "table1b", "table1c", "table5", "table6"),
        *artefacts.DOMAIN_TABLES,
        *("correlations", "seeds"),
    ),
}


for kind, names in TABLES_OF.items():
    chosen = [name for name in names if name in TABLES]
    if chosen:

        rule:
            name:
                f"tabulate_alignment_{kind}"
            input:
                metrics=f"results/alignment/{kind}.parquet",
            output:
                csv=[tabulated(name) for name in chosen],
                md=[f"results/alignment/tables/{name}.md" for name in chosen],
                tex=[f"results/alignment/tables/{name}.tex" for name in chosen],
            log:
                f"logs/tabulate_alignment_tables/{kind}.log",
            benchmark:
                f"benchmarks-out/tabulate_alignment_tables/{kind}.tsv"
            conda:
                "../../../envs/environment.yaml"
            resources:
                mem_mb=2000,
                runtime="10m",
            params:
                names=chosen,
                options={
                    "datasets": PAGES,
                    "noise": NOISE.share if NOISE else None,
                    "quantiles": PAPER.thresholds.kind == "quantile",
                },
            message:
                f"Writing tables of the alignment paper: {' '.join(chosen)}"
            script:
                "../../../scripts/tabulate_alignment_tables.py"


rule tabulate_alignment_claims:
    input:
        metrics=claim_files(),
    output:
        csv=tabulated("claims"),
        md="results/alignment/tables/claims.md",
        tex="results/alignment/tables/claims.tex",
    log:
        "logs/tabulate_alignment_claims.log",
    benchmark:
        "benchmarks-out/tabulate_alignment_claims/claims.tsv"
    conda:
        "../../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime="10m",
    params:
        min_images=PAPER.curve.min_images,
    message:
        "Asking what the alignment paper claims"
    script:
        "../../../scripts/tabulate_alignment_claims.py"
