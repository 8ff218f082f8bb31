"""What a run is doing, from the log that Snakemake itself keeps."""
