"""What becomes of free memory, asked in processes of their own, which it would stay with."""

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


FREED = """
import psutil

from negvol_cli.memory import give_back_free_memory


def held_mib():
    return psutil.Process().memory_info().rss / 2**20


before = held_mib()
blocks = [b"x" * 64 * 1024 for _ in range(3200)]  # 200 MiB, none large enough for a mapping
last = blocks.pop()  # above them, so that glibc keeps what is free below it
del blocks
kept = held_mib() - before
if {give_back}:
    assert give_back_free_memory()
print(kept, held_mib() - before)
"""

ON_GLIBC = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="the allocator is not glibc's"
)


@ON_GLIBC
@pytest.mark.parametrize(("share", "most"), [(True, 2), (False, 99)])
def test_threads_share_two_arenas(share: bool, most: int):
    code = ARENAS.format(share=share)
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stderr

    arenas = said.count("Arena ")
    assert arenas <= most
    assert arenas > 2 or share


@ON_GLIBC
@pytest.mark.parametrize("give_back", [True, False])
def test_free_memory_below_a_block_in_use_goes_back_when_asked_for(give_back: bool):
    code = FREED.format(give_back=give_back)
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    kept_mib, held_mib = (float(word) for word in said.stdout.split())
    assert kept_mib > 150
    assert held_mib < 20 if give_back else held_mib > 150
