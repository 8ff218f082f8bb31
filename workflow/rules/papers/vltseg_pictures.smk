# arXiv 2312.02021: pictures of predictions, maps of pixels, files for the test servers.

for page, dataset in SEG_SHOWN.items():
    shown = seg_shown("panels", dataset)

    rule:
        name:
            f"draw_vltseg_panels_{page}"
        input:
            predictions=list(shown.values()),
            # The pictures themselves lie in the data set's folder.
            verified=checked(dataset),
        output:
            **written("vltseg", "figure", f"panels_{page}"),
        log:
            f"logs/draw_vltseg_panels/{page}.log",
        benchmark:
            f"benchmarks-out/draw_vltseg_panels/{page}.tsv"
        conda:
            "../../../envs/environment.yaml"
        resources:
            mem_mb=grows(4000),
            runtime=grows("20m"),
        params:
            names=list(shown),
            style=setting("plots"),
        message:
            f"Drawing images of {page} and what networks see in them"
        script:
            "../../../scripts/draw_vltseg_panels.py"


if CONFIG.vltseg.tsne:
    mapped = seg_shown("embeddings", CONFIG.vltseg.tsne.dataset)

    rule draw_vltseg_tsne:
        input:
            embeddings=list(mapped.values()),
        output:
            **written("vltseg", "figure", "tsne"),
        log:
            "logs/draw_vltseg_tsne.log",
        benchmark:
            "benchmarks-out/draw_vltseg_tsne/all.tsv"
        conda:
            "../../../envs/environment.yaml"
        resources:
            mem_mb=grows(2000),
            runtime=grows("30m"),
        params:
            names=list(mapped),
            perplexity=CONFIG.vltseg.tsne.perplexity,
            style=setting("plots"),
        message:
            "Mapping pixel embeddings"
        script:
            "../../../scripts/draw_vltseg_tsne.py"


if CONFIG.vltseg.submissions:

    rule tabulate_vltseg_submissions:
        input:
            submissions=vltseg_tests.SUBMISSIONS,
        output:
            **written("vltseg", "table", "t6"),
        log:
            "logs/tabulate_vltseg_submissions.log",
        benchmark:
            "benchmarks-out/tabulate_vltseg_submissions/all.tsv"
        conda:
            "../../../envs/environment.yaml"
        resources:
            mem_mb=grows(2000),
            runtime=grows("10m"),
        params:
            names={arm: seg_printed(arm) for arm in SEG_OPTIONS["arms"]},
        message:
            "Listing the files for the test servers"
        script:
            "../../../scripts/tabulate_vltseg_submissions.py"
