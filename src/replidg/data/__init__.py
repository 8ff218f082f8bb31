"""Data sets: retrieval, the index of every image, decoding."""
