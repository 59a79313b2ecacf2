"""Bundles of models: manifest, files, store, and the default bundle."""
