"""Replicates five papers on domain generalization of vision-language models."""

__version__ = "0.1.0"
