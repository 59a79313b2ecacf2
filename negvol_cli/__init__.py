"""Negative volume of the temporomandibular joint from CT."""
