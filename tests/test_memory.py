"""Threads share the allocator's arenas, asked in a process of its own, which it would stay with."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

ARENAS = """
import ctypes
import threading

from negvol_cli.memory import share_arenas

if {share}:
    assert share_arenas()
meeting = threading.Barrier(6)


def allocate():
    blocks = [bytes(2000) for _ in range(100)]  # too large for Python's own allocator
    meeting.wait()


threads = [threading.Thread(target=allocate) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
ctypes.CDLL(None).malloc_stats()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is not glibc's")
@pytest.mark.parametrize(("share", "most"), [(True, 2), (False, 99)])
def test_threads_share_two_arenas(share: bool, most: int):
    code = ARENAS.format(share=share)
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stderr

    arenas = said.count("Arena ")
    assert arenas <= most
    assert arenas > 2 or share
