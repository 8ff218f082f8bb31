"""Train the segmentation networks of this job."""

from pathlib import Path

if "snakemake" in globals():
    from replidg import devices
    from replidg.config import vltseg_arms
    from replidg.config.check import load
    from replidg.log import setup
    from replidg.segmentation.job import images_of, plan_of
    from replidg.segmentation.launch import launch
    from replidg.segmentation.train import Training

    setup(snakemake.log[0])
    devices.take(snakemake.resources.get("gpu", 0))
    # snakemake.params are the parts that affect the result: what makes Snakemake train again.
    config = load(snakemake.config)
    indexes = {Path(path).parent.name: Path(path) for path in snakemake.input.indexes}
    starts = {vltseg_arms.run_of(path): Path(path) for path in snakemake.input.starts}
    trainings = []
    for weights in snakemake.output.weights:
        run = vltseg_arms.run_of(weights)
        start = vltseg_arms.start_of(config, run)
        trainings.append(
            Training(
                plan_of(config, run, Path("results/models"), starts[start] if start else None),
                images_of(config, run.source, indexes),
                Path(weights).parent,
            )
        )
    launch(trainings, Path(snakemake.params.checkpoints))
