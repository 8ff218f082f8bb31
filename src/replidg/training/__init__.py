"""Fine-tuning that survives being killed: data, loop, checkpoints, jobs of many runs."""
