"""Segmentations compared: metrics, label maps, references."""
