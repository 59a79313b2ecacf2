"""Turning trained networks into bundles that negvol reads."""
