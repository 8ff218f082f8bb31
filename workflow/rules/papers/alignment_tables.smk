# arXiv 2412.02856: its tables. What they are computed from is in the stage files.

# One rule writes all tables that show the same file of metrics; each has its own caption.
TABLES = names_of("alignment", "table")
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
    "claims": ("claims",),
}


for kind, names in TABLES_OF.items():
    chosen = [name for name in names if name in TABLES]
    if chosen:

        rule:
            name:
                f"tabulate_alignment_{kind}"
            input:
                metrics=(
                    claim_files()
                    if kind == "claims"
                    else f"results/alignment/{kind}.parquet"
                ),
            output:
                **written("alignment", "table", chosen),
            log:
                f"logs/tabulate_alignment_tables/{kind}.log",
            benchmark:
                f"benchmarks-out/tabulate_alignment_tables/{kind}.tsv"
            conda:
                "../../../envs/environment.yaml"
            resources:
                mem_mb=grows(2000),
                runtime=grows("10m"),
            params:
                paper="alignment",
                names=chosen,
                options={
                    "datasets": PAGES,
                    "noise": NOISE.share if NOISE else None,
                    "quantiles": PAPER.thresholds.kind == "quantile",
                    "min_images": PAPER.curve.min_images,
                },
            message:
                f"Writing tables of the alignment paper: {' '.join(chosen)}"
            script:
                "../../../scripts/write_tables.py"
