"""Backbones: building, storing, pretraining, embedding."""
