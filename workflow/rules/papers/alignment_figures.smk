# arXiv 2412.02856: its figures. What they are computed from is in the stage files.

# One rule draws all figures that show the same file of metrics; each has its own caption.
FIGURES = names_of("alignment", "figure")
FIGURES_OF = {
    "similarity": ("fig2a", "fig5", "fig8"),
    "sources": ("fig9",),
    "sizes": ("fig10",),
    "splits": ("fig17", "fig18", *artefacts.CLASS_FIGURES),
    "metrics": (
        *("fig2b", "fig6", "fig7", "fig11"),
        *artefacts.DATASET_CURVES,
        "thresholds",
    ),
}


for kind, names in FIGURES_OF.items():
    chosen = [name for name in names if name in FIGURES]
    if chosen:

        rule:
            name:
                f"draw_alignment_{kind}"
            input:
                metrics=f"results/alignment/{kind}.parquet",
            output:
                **written("alignment", "figure", chosen),
            log:
                f"logs/draw_alignment_figures/{kind}.log",
            benchmark:
                f"benchmarks-out/draw_alignment_figures/{kind}.tsv"
            conda:
                "../../../envs/environment.yaml"
            resources:
                mem_mb=grows(2000),
                runtime=grows("20m"),
            params:
                paper="alignment",
                names=chosen,
                options={
                    "method": PAPER.figure_method,
                    "min_images": PAPER.curve.min_images,
                    "datasets": PAGES,
                },
                style=setting("plots"),
            message:
                f"Drawing figures of the alignment paper: {' '.join(chosen)}"
            script:
                "../../../scripts/draw_figures.py"


for figure, given in {
    "fig3": {"splits": splits(), "bounds": bounds_file()},
    "fig4": {"neighbours": measured("neighbours")},
}.items():
    if figure in FIGURES:

        rule:
            name:
                f"draw_alignment_{figure}"
            input:
                **given,
                indexes=indexes(),
            output:
                **written("alignment", "figure", figure),
            log:
                f"logs/draw_alignment_pictures/{figure}.log",
            benchmark:
                f"benchmarks-out/draw_alignment_pictures/{figure}.tsv"
            conda:
                "../../../envs/environment.yaml"
            resources:
                mem_mb=grows(2000),
                runtime=grows("20m"),
            params:
                figure=figure,
                datasets=PAPER.datasets,
                style=setting("plots"),
            message:
                f"Drawing {figure} of the alignment paper"
            script:
                "../../../scripts/draw_alignment_pictures.py"
