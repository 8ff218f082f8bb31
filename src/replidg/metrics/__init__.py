"""Scores, splits and metrics of the papers."""
