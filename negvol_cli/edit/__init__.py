"""Correcting an outline and measuring again: what a result keeps for it, and how a fix is read."""
