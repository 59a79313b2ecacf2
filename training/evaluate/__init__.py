"""Judging networks on heads that they have not seen, and tables of it."""
