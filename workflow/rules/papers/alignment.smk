# arXiv 2412.02856: which artefacts it has. What they are computed from is in the stage files.


# One rule a figure or table, since a caption cannot depend on a wildcard.
for figure in ("fig2b", "fig7", "fig11"):

    rule:
        name:
            f"draw_alignment_{figure}"
        input:
            metrics=rules.evaluate_alignment.output.metrics,
        output:
            svg=report(
                f"results/alignment/figures/{figure}.svg",
                caption=f"../../report/alignment_{figure}.rst",
                category="alignment",
                subcategory="figures",
                labels={"figure": figure},
            ),
            png=f"results/alignment/figures/{figure}.png",
        log:
            f"logs/draw_alignment_curves/{figure}.log",
        benchmark:
            f"benchmarks-out/draw_alignment_curves/{figure}.tsv"
        conda:
            "../../../envs/environment.yaml"
        resources:
            mem_mb=2000,
            runtime="10m",
        params:
            style=lookup(dpath="plots", within=config),
            figure=figure,
            method=PAPER.figure_method,
            min_images=PAPER.curve.min_images,
        message:
            f"Drawing {figure} of the alignment paper"
        script:
            "../../../scripts/draw_alignment_curves.py"


rule draw_alignment_split_counts:
    input:
        metrics=rules.evaluate_alignment_splits.output.metrics,
    output:
        svg=report(
            "results/alignment/figures/fig17.svg",
            caption="../../report/alignment_fig17.rst",
            category="alignment",
            subcategory="figures",
            labels={"figure": "fig17"},
        ),
        png="results/alignment/figures/fig17.png",
    log:
        "logs/draw_alignment_split_counts.log",
    benchmark:
        "benchmarks-out/draw_alignment_split_counts/fig17.tsv"
    conda:
        "../../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime="10m",
    params:
        style=lookup(dpath="plots", within=config),
    message:
        "Drawing fig17 of the alignment paper"
    script:
        "../../../scripts/draw_alignment_split_counts.py"


for table in ("table1a", "table1b", "table1c"):

    rule:
        name:
            f"tabulate_alignment_{table}"
        input:
            metrics=rules.evaluate_alignment.output.metrics,
        output:
            csv=report(
                f"results/alignment/tables/{table}.csv",
                caption=f"../../report/alignment_{table}.rst",
                category="alignment",
                subcategory="tables",
                labels={"table": table},
            ),
            md=f"results/alignment/tables/{table}.md",
            tex=f"results/alignment/tables/{table}.tex",
        log:
            f"logs/tabulate_alignment_accuracy/{table}.log",
        benchmark:
            f"benchmarks-out/tabulate_alignment_accuracy/{table}.tsv"
        conda:
            "../../../envs/environment.yaml"
        resources:
            mem_mb=2000,
            runtime="10m",
        params:
            table=table,
        message:
            f"Writing {table} of the alignment paper"
        script:
            "../../../scripts/tabulate_alignment_accuracy.py"


rule tabulate_alignment_dropped:
    input:
        metrics=rules.evaluate_alignment_splits.output.metrics,
    output:
        csv=report(
            "results/alignment/tables/table8.csv",
            caption="../../report/alignment_table8.rst",
            category="alignment",
            subcategory="tables",
            labels={"table": "table8"},
        ),
        md="results/alignment/tables/table8.md",
        tex="results/alignment/tables/table8.tex",
    log:
        "logs/tabulate_alignment_dropped.log",
    benchmark:
        "benchmarks-out/tabulate_alignment_dropped/table8.tsv"
    conda:
        "../../../envs/environment.yaml"
    resources:
        mem_mb=2000,
        runtime="10m",
    message:
        "Writing table8 of the alignment paper"
    script:
        "../../../scripts/tabulate_alignment_dropped.py"
