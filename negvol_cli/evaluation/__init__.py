"""Comparison of segmentations: metrics, label maps, references."""
