"""Archives made to harm whoever unpacks them."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

GIB: Final = 1 << 30
ABSOLUTE: Final = Path("/tmp/negvol-absolute.dcm")  # noqa: S108 - it must not come to be
OUTSIDE: Final = ("../up.dcm", "a/../../up.dcm", str(ABSOLUTE), "C:\\up.dcm", "..\\up.dcm")


def names_outside(source: Path, path: Path) -> Path:
    """The files of ``source`` under names that lead out of the archive."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, file in enumerate(sorted(source.iterdir())):
            archive.write(file, f"{OUTSIDE[number % len(OUTSIDE)]}{number or ''}")
    return path


def link(source: Path, path: Path) -> Path:
    """The files of ``source`` and a link to a file of the system."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(source.iterdir()):
            archive.write(file, file.name)
        entry = zipfile.ZipInfo("link.dcm")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    return path


def bomb(source: Path, path: Path) -> Path:
    """The files of ``source`` and one entry of 3 GiB of zeros, in 3 MB."""
    block = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = block.compress(bytes(1 << 24)) + block.flush(zlib.Z_FULL_FLUSH)
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(source.iterdir()):
            archive.write(file, file.name)
        entry = zipfile.ZipInfo("zeros.dcm")
        archive.writestr(entry, zeros * (3 * GIB >> 24) + b"\x03\0")  # and an empty last block
        entry.compress_type, entry.file_size = zipfile.ZIP_DEFLATED, 3 * GIB
    raw = bytearray(path.read_bytes())
    header = entry.header_offset
    struct.pack_into("<H", raw, header + 8, zipfile.ZIP_DEFLATED)
    struct.pack_into("<I", raw, header + 22, 3 * GIB)
    path.write_bytes(raw)
    return path


def lying_bomb(source: Path, path: Path) -> Path:
    """An entry of 64 MiB that claims 100 bytes in both of its headers."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(source.iterdir()):
            archive.write(file, file.name)
        archive.writestr("zeros.dcm", bytes(64 << 20))
    raw = path.read_bytes().replace(struct.pack("<I", 64 << 20), struct.pack("<I", 100))
    path.write_bytes(raw)
    return path


def overlapping(source: Path, path: Path) -> Path:
    """2,000 entries that are all the same 8 MiB of zeros: 16 GiB in 100 KB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(source.iterdir()):
            archive.write(file, file.name)
        archive.writestr("zeros.dcm", bytes(8 << 20))
        zeros = archive.getinfo("zeros.dcm")
        archive.filelist.extend([zeros] * 2000)
    return path


def many(source: Path, path: Path) -> Path:
    """30,000 empty entries."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(30_000):
            archive.writestr(zipfile.ZipInfo(f"{number}.dcm"), b"")
        for file in sorted(source.iterdir()):
            archive.write(file, file.name)
    return path


def encrypted(source: Path, path: Path) -> Path:
    """Entries with the flag of a password set."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(source.iterdir()):
            archive.write(file, file.name)
    raw = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.find(mark)
        while at >= 0:
            raw[at + offset] |= 1
            at = raw.find(mark, at + 4)
    path.write_bytes(raw)
    return path


def nested(source: Path, path: Path) -> Path:
    """Archives in archives, ten deep, each of ten copies of the one below."""
    inner = path.with_suffix(".inner")
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(source.iterdir()):
            archive.write(file, file.name)
    for _ in range(5):
        content = inner.read_bytes()
        with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(10):
                archive.writestr(f"{number}.zip", content)
    inner.rename(path)
    return path


Make = Callable[[Path, Path], Path]
HARMFUL: Final[dict[str, Make]] = {
    make.__name__: make
    for make in (
        names_outside,
        link,
        bomb,
        lying_bomb,
        overlapping,
        many,
        encrypted,
        nested,
    )
}
