"""Phantom heads: CT scans of joints whose every size is known."""

from negvol_cli.phantom.change import CondyleChange, changed
from negvol_cli.phantom.draw import draw_head
from negvol_cli.phantom.head import PhantomHead
from negvol_cli.phantom.machine import Machine
from negvol_cli.phantom.scanner import CLEAN, ScanSettings
from negvol_cli.phantom.scene import Scene, paint_scene
from negvol_cli.phantom.truth import PhantomTruth
from negvol_cli.phantom.variety import Variety

__all__ = [
    "CLEAN",
    "CondyleChange",
    "Machine",
    "PhantomHead",
    "PhantomTruth",
    "ScanSettings",
    "Scene",
    "Variety",
    "changed",
    "draw_head",
    "paint_scene",
]
