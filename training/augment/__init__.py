"""Varying training images: where the frame lies, and how a scanner saw it."""
