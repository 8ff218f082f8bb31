"""Semantic segmentation of the VLTSeg paper, by mmsegmentation with modules of ours."""
