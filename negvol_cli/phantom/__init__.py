"""Phantom heads: CT scans of joints whose every size is known."""

from negvol_cli.phantom.abdomen import PhantomAbdomen, draw_abdomen
from negvol_cli.phantom.draw import draw_head
from negvol_cli.phantom.head import PhantomHead
from negvol_cli.phantom.scanner import CLEAN, ScanSettings
from negvol_cli.phantom.truth import PhantomTruth
from negvol_cli.phantom.variety import Variety

__all__ = [
    "CLEAN",
    "PhantomAbdomen",
    "PhantomHead",
    "PhantomTruth",
    "ScanSettings",
    "Variety",
    "draw_abdomen",
    "draw_head",
]
