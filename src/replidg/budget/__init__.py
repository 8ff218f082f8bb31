"""What a target will cost before it runs: jobs, GPU-hours, wall time, disk, downloads, log-ins."""
