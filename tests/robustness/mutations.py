"""Small sound inputs, and what accident or malice makes of them; all drawn from a seed."""

from __future__ import annotations

import gzip
import re
import shutil
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tests.bundle.tiny import write_bundle
from tests.io.formats.headers import nifti
from tests.io.made_scans import ct_values, write, write_series

Change = Callable[[np.random.Generator, bytes], bytes]

SLICES: Final = 21
HOSTILE_NUMBERS: Final = (
    *("0", "-1", "1", "2", "32767", "65536", "2147483648", "-2147483649", "1e400", "-1e308"),
    *("1e-300", "nan", "inf", "-0.0", "0x10", "1" * 400, "", "1,5", "٣", "\x00", "%s%n", "../../x"),
)
HOSTILE_WORDS: Final = (
    *("", "/dev/zero", "/dev/stdin", "../../../etc/passwd", "LIST", "scan%03d.raw 1 9 1", "none"),
    *("LOCAL", "hex", "bzip2", "gzip", "raw", "double", "MET_DOUBLE", "A" * 5000, "\x00\x00"),
    *("right-anterior-superior", "scanner-xyz", "(1,0,0) (0,1,0) (1,0,0)", "True", "(nan,0,0)"),
)
# lines that a text header has once, or not at all
EXTRA_FIELDS: Final = (
    *(b"byte skip: -1", b"byte skip: 7", b"line skip: 1", b'space units: "mm" "mm" "mm"'),
    *(b'space units: "cm" "cm" "cm"', b"spacings: 1.8 1.9 2", b"spacings: nan nan nan"),
    *(b"axis mins: 0 0 0", b"old min: 0", b"Sizes: 27 25 23", b"SPACE: RAS", b"Data File: ../x"),
    *(b"data file: scan.raw", b"kinds: list domain domain", b"encoding: gz", b"endian: big"),
    *(b"HeaderSize = -1", b"HeaderSize = 12", b"ElementSize = 1 1 1", b"Position = 0 0 0"),
    *(b"Origin = 0 0 0", b"Orientation = -1 0 0 0 1 0 0 0 1", b"elementspacing = 1 1 1"),
    *(b"AnatomicalOrientation = LAI", b"ElementToIntensityFunctionSlope = 0"),
    *(b"ElementToIntensityFunctionOffset = -1024", b"ElementByteOrderMSB = True"),
    *(b"ElementNBits = 8", b"CenterOfRotation = 5 5 5", b"DistanceUnits = cm"),
    *(b"CompressedData = True", b"ElementNumberOfChannels = 3", b"ElementDataFile = ../x"),
)
# offset and format of NIfTI-1 fields: sizeof_hdr, dim, datatype, bitpix, pixdim, vox_offset,
# scl_slope, scl_inter, xyzt_units, qform_code, sform_code, quatern_b, srow_x to srow_z, magic
NIFTI_FIELDS: Final = (
    *((0, "i"), (40, "h"), (42, "h"), (44, "h"), (46, "h"), (48, "h"), (70, "h"), (72, "h")),
    *((76, "f"), (80, "f"), (84, "f"), (88, "f"), (108, "f"), (112, "f"), (116, "f"), (123, "b")),
    *((252, "h"), (254, "h"), (256, "f"), (280, "f"), (296, "f"), (312, "f"), (320, "f")),
    (344, "i"),
)
# sizeof_hdr, datatype, bitpix, dim, pixdim, vox_offset, scl_slope, scl_inter, codes, quatern, rows
NIFTI_2_FIELDS: Final = (
    *((0, "i"), (12, "h"), (14, "h"), (16, "q"), (24, "q"), (32, "q"), (48, "q"), (104, "d")),
    *((112, "d"), (120, "d"), (168, "q"), (176, "d"), (184, "d"), (344, "i"), (348, "i")),
    *((352, "d"), (360, "d"), (400, "d"), (440, "d"), (464, "d"), (500, "i")),
)
HOSTILE_OF: Final[Mapping[str, tuple[float, ...]]] = {
    "b": (0, 1, 7, 127, -128),
    "h": (0, 1, -1, 2, 7, 8, 127, 512, 1024, 32767, -32768),
    "i": (0, 1, -1, 348, 540, 2**31 - 1, -(2**31)),
    "f": (0.0, -0.0, -1.0, 1e-38, 1e38, -1e38, 351.5, 1e9, float("nan"), float("inf"), 2.0**31),
}
# rows, columns, bits, pixel spacing, position, orientation, slope, intercept, frames, pixels,
# photometric interpretation, representation, samples, modality, series, transfer syntax, length,
# rescale type, slice spacing, kernel, acquisition, frame of reference
DICOM_TAGS: Final = (
    *("0028 1054", "0018 0088", "0018 1210", "0020 0012", "0020 0052"),
    *("0028 0010", "0028 0011", "0028 0100", "0028 0101", "0028 0102", "0028 0030", "0020 0032"),
    *("0020 0037", "0028 1053", "0028 1052", "0028 0008", "7fe0 0010", "0028 0004", "0028 0103"),
    *("0028 0002", "0008 0060", "0020 000e", "0002 0010", "0002 0000", "0008 0016", "0018 0050"),
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mutated input. ``checked``: all its bytes lie under a checksum, so that it is refused
    or reads exactly like the original."""

    path: Path
    original: str
    how: str
    checked: bool

    @property
    def kind(self) -> str:
        """Which reader it is for."""
        return "bundle" if self.original.startswith("bundle") else "scan"


def write_originals(folder: Path) -> dict[str, Path]:
    """Sound inputs of every format, by name."""
    folder.mkdir(parents=True)
    values = ct_values()
    made = {
        "nii": write(values, folder / "scan.nii", packed=False),
        "nii.gz": write(values, folder / "scan.nii.gz"),
        "nrrd": write(values, folder / "scan.nrrd", packed=False),
        "nrrd packed": write(values, folder / "packed.nrrd"),
        "mha": write(values, folder / "scan.mha", packed=False),
        "mha packed": write(values, folder / "packed.mha"),
        "dicom": write_series(folder / "dicom", values[:SLICES]),
        "bundle": write_bundle(folder / "bundle"),
    }
    for ending in ("nhdr", "mhd"):
        (folder / ending).mkdir()
        write(values, folder / ending / f"scan.{ending}", packed=False)
        made[ending] = folder / ending
    made["nii 2"] = folder / "second.nii"
    made["nii 2"].write_bytes(nifti(version=2))
    made["zip"] = zipped(made["dicom"], folder / "scan.zip")
    made["bundle zip"] = zipped(made["bundle"], folder / "bundle.zip")
    return made


def zipped(source: Path, path: Path) -> Path:
    """The files of a folder as a packed archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(source.iterdir()):
            archive.write(file, file.name)
    return path


def mutate(name: str, original: Path, folder: Path, seed: int) -> Mutant:
    """Write the mutant of ``original`` that ``seed`` draws into ``folder``."""
    rng = np.random.default_rng([seed, sum(name.encode())])
    changes = {**ANYWHERE, **HOSTILE.get(name, {})}
    how = str(rng.choice(sorted(changes)))
    if rng.random() < 0.5 and name in HOSTILE:
        how = str(rng.choice(sorted(HOSTILE[name])))
    folder.mkdir(parents=True)
    target = folder / original.name
    if original.is_file():
        target.write_bytes(changes[how](rng, original.read_bytes()))
    else:
        shutil.copytree(original, target)
        files = sorted(target.iterdir())
        if entry_of(name, target) != target and how not in ANYWHERE:
            files = [entry_of(name, target)]
        every = rng.random() < 0.3
        for file in files if every else [files[int(rng.integers(len(files)))]]:
            again = np.random.default_rng(seed) if every else rng
            file.write_bytes(changes[how](again, file.read_bytes()))
    checked = name in {"nii.gz", "zip"} and how in ANYWHERE
    return Mutant(entry_of(name, target), name, how, checked)


def entry_of(name: str, target: Path) -> Path:
    """What a person names: the header of an image in two files, else the file or folder itself."""
    return target / f"scan.{name}" if name in {"nhdr", "mhd"} else target


def _flip(rng: np.random.Generator, raw: bytes) -> bytes:
    changed = bytearray(raw)
    for at in rng.integers(len(raw), size=int(rng.choice([1, 1, 4, 32]))):
        changed[at] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _flip_start(rng: np.random.Generator, raw: bytes) -> bytes:
    head = min(len(raw), 1024)
    return _flip(rng, raw[:head]) + raw[head:]


def _flip_end(rng: np.random.Generator, raw: bytes) -> bytes:
    tail = min(len(raw), 512)
    return raw[:-tail] + _flip(rng, raw[-tail:])


def _cut(rng: np.random.Generator, raw: bytes) -> bytes:
    return raw[: int(rng.integers(len(raw)))]


def _cut_end(rng: np.random.Generator, raw: bytes) -> bytes:
    return raw[: -int(rng.integers(1, 64))]


def _blank(rng: np.random.Generator, raw: bytes) -> bytes:
    """A sector of the disk that could not be read."""
    at = int(rng.integers(len(raw)))
    gap = min(512, len(raw) - at)
    return raw[:at] + bytes(gap) + raw[at + gap :]


def _doubled(rng: np.random.Generator, raw: bytes) -> bytes:
    low, high = sorted(rng.integers(len(raw), size=2).tolist())
    return raw[:high] + raw[low:]


def _noise(rng: np.random.Generator, raw: bytes) -> bytes:
    return rng.bytes(len(raw))


ANYWHERE: Final[Mapping[str, Change]] = {
    "flip": _flip,
    "flip start": _flip_start,
    "flip end": _flip_end,
    "cut": _cut,
    "cut end": _cut_end,
    "blank": _blank,
    "doubled": _doubled,
    "noise": _noise,
}


def _nifti_field(rng: np.random.Generator, raw: bytes) -> bytes:
    changed = bytearray(raw)
    for _ in range(int(rng.integers(1, 4))):
        at, form = NIFTI_FIELDS[int(rng.integers(len(NIFTI_FIELDS)))]
        value = HOSTILE_OF[form][int(rng.integers(len(HOSTILE_OF[form])))]
        struct.pack_into(f"<{form}", changed, at, value)
    return bytes(changed)


def _nifti_forms(rng: np.random.Generator, raw: bytes) -> bytes:
    """Two forms of any codes, turned, mirrored, moved, sheared or scaled against each other."""
    changed = bytearray(raw)
    struct.pack_into("<2h", changed, 252, *(int(n) for n in rng.choice(6, 2)))
    rows = np.array(struct.unpack_from("<12f", raw, 280)).reshape(3, 4)
    choice = int(rng.integers(5))
    if choice == 0:
        rows[:, :3] *= rng.choice([-1, 1], (1, 3))
    elif choice == 1:
        rows[:, :3] += rng.normal(size=(3, 3)) * 10.0 ** rng.uniform(-6, 0)
    elif choice == 2:
        rows[:, 3] += rng.normal(size=3) * 10.0 ** rng.uniform(-3, 2)
    elif choice == 3:
        rows[:, :3] *= 1 + rng.normal() * 10.0 ** rng.uniform(-5, -1)
    struct.pack_into("<12f", changed, 280, *rows.ravel())
    if choice == 4 or rng.random() < 0.3:
        struct.pack_into("<3f", changed, 256, *rng.normal(size=3) * 0.7)
    if rng.random() < 0.2:
        struct.pack_into("<f", changed, 76, float(rng.choice([-1, 0, 1, 2])))
    return bytes(changed)


def _nifti_2_field(rng: np.random.Generator, raw: bytes) -> bytes:
    changed = bytearray(raw)
    for _ in range(int(rng.integers(1, 4))):
        at, form = NIFTI_2_FIELDS[int(rng.integers(len(NIFTI_2_FIELDS)))]
        of = {"d": "f", "q": "i"}.get(form, form)
        value = HOSTILE_OF[of][int(rng.integers(len(HOSTILE_OF[of])))]
        struct.pack_into(f"<{form}", changed, at, value)
    return bytes(changed)


def _nifti_field_packed(rng: np.random.Generator, raw: bytes) -> bytes:
    return gzip.compress(_nifti_field(rng, gzip.decompress(raw)), compresslevel=1)


def _nifti_bomb(rng: np.random.Generator, raw: bytes) -> bytes:
    """A header that asks for up to 4 GiB, with as many zeros packed behind it as fit in 100 KiB."""
    changed = bytearray(gzip.decompress(raw)[:352])
    side = int(rng.choice([300, 640, 1024, 32767]))
    struct.pack_into("<4h", changed, 40, 3, side, side, side)
    struct.pack_into("<2h", changed, 70, *(int(n) for n in rng.choice([(4, 16), (64, 64)])))
    return gzip.compress(bytes(changed) + bytes(64 << 20), compresslevel=1)


def _text_value(rng: np.random.Generator, raw: bytes) -> bytes:
    """One number, or all that stands behind a key, of a text header replaced."""
    end = max(raw.find(b"\n\n"), raw.find(b"LOCAL\n"), 64)
    head, body = raw[:end], raw[end:]
    pattern, choices = (
        (rb"-?\d+(\.\d+)?", HOSTILE_NUMBERS)
        if rng.random() < 0.6
        else (rb"(?<=[:=]) ?[^\n]*", HOSTILE_WORDS)
    )
    found = list(re.finditer(pattern, head))
    place = found[int(rng.integers(len(found)))]
    word = choices[int(rng.integers(len(choices)))].encode()
    return head[: place.start()] + word + head[place.end() :] + body


def _text_line(rng: np.random.Generator, raw: bytes) -> bytes:
    """One line of a text header left out, doubled, or moved."""
    lines = raw.split(b"\n")
    most = next((i for i, line in enumerate(lines) if not line or line.startswith(b"Elem")), 8)
    at = int(rng.integers(max(most, 2)))
    line = lines.pop(at)
    for _ in range(int(rng.integers(3))):
        lines.insert(int(rng.integers(max(most, 2))), line)
    return b"\n".join(lines)


def _text_extra(rng: np.random.Generator, raw: bytes) -> bytes:
    """A line more, which may contradict what is there."""
    lines = raw.split(b"\n")
    most = next((i for i, line in enumerate(lines) if not line or line.startswith(b"Elem")), 8)
    line = EXTRA_FIELDS[int(rng.integers(len(EXTRA_FIELDS)))]
    lines.insert(int(rng.integers(1, max(most, 2))), line)
    return b"\n".join(lines)


def _dicom_padding(rng: np.random.Generator, raw: bytes) -> bytes:
    """A padding value, of tissue or beyond it, in front of the rescale."""
    at = raw.find(struct.pack("<2H", 0x0028, 0x1052), 128)
    if at < 0:
        return _flip(rng, raw)
    value = int(rng.choice([0, 1024, 24, 63536, 32767, 32768, 2000, 65535]))
    kind = b"US" if rng.random() < 0.5 else b"SS"
    return raw[:at] + struct.pack("<2H2s2H", 0x0028, 0x0120, kind, 2, value) + raw[at:]


def _dicom_value(rng: np.random.Generator, raw: bytes) -> bytes:
    """The value, or the length, of one attribute replaced."""
    tag = str(rng.choice(DICOM_TAGS)).split()
    key = struct.pack("<2H", *(int(part, 16) for part in tag))
    at = raw.find(key, 128)
    if at < 0:
        return _flip(rng, raw)
    changed = bytearray(raw)
    wide = raw[at + 4 : at + 6] in {b"OB", b"OW", b"SQ", b"UN", b"UT"}
    (length,) = struct.unpack_from("<I" if wide else "<H", raw, at + (8 if wide else 6))
    value = at + (12 if wide else 8)
    choice = rng.random()
    if choice < 0.25:
        bad = int(rng.choice([0, 1, 0xFFFE, 0xFFFF]))
        struct.pack_into("<I" if wide else "<H", changed, value - (4 if wide else 2), bad)
    elif choice < 0.35:
        changed[at + 4 : at + 6] = rng.bytes(2)
    else:
        words = [
            *HOSTILE_NUMBERS,
            "\\\\\\",
            "1\\1\\1",
            "0\\0\\0\\0\\0\\0",
            "nan\\nan\\nan\\0\\0\\0",
        ]
        word = words[int(rng.integers(len(words)))].encode() if length > 2 else rng.bytes(2)
        changed[value : value + length] = word[:length].ljust(length)
    return bytes(changed)


def _manifest_value(rng: np.random.Generator, raw: bytes) -> bytes:
    if not raw.startswith(b"schema"):
        return _flip(rng, raw)
    return _text_value(rng, raw + b"\n\n") if rng.random() < 0.7 else _text_line(rng, raw)


def _zip_field(rng: np.random.Generator, raw: bytes) -> bytes:
    """A field of one entry's header, or of the archive's end, set to an extreme."""
    changed = bytearray(raw)
    marks = {b"PK\x01\x02": 46, b"PK\x03\x04": 30, b"PK\x05\x06": 22}
    mark = list(marks)[int(rng.integers(3))]
    places = [match.start() for match in re.finditer(re.escape(mark), raw)]
    at = places[int(rng.integers(len(places)))] + 2 * int(rng.integers(2, marks[mark] // 2))
    form, value = [("<H", 0xFFFF), ("<H", 0), ("<H", 1), ("<I", 0xFFFFFFFF), ("<I", 0x7FFFFFFF)][
        int(rng.integers(5))
    ]
    struct.pack_into(form, changed, min(at, len(raw) - 4), value)
    return bytes(changed)


_IN_TEXT: Final[Mapping[str, Change]] = {
    "hostile header": _text_value,
    "lines": _text_line,
    "extra": _text_extra,
}
HOSTILE: Final[Mapping[str, Mapping[str, Change]]] = {
    "nii": {"hostile header": _nifti_field, "forms": _nifti_forms},
    "nii 2": {"hostile header": _nifti_2_field},
    "nhdr": _IN_TEXT,
    "mhd": _IN_TEXT,
    "nii.gz": {"hostile header": _nifti_field_packed, "bomb": _nifti_bomb},
    "nrrd": _IN_TEXT,
    "nrrd packed": _IN_TEXT,
    "mha": _IN_TEXT,
    "mha packed": _IN_TEXT,
    "dicom": {"hostile header": _dicom_value, "padding": _dicom_padding},
    "zip": {"hostile header": _zip_field},
    "bundle": {"hostile header": _manifest_value},
    "bundle zip": {"hostile header": _zip_field},
}
OF_DICOM: Final = (
    *ANYWHERE.values(),
    *(_dicom_value, _dicom_value, _dicom_value, _dicom_padding),
)
"""What can happen to one DICOM object on its way; a hostile header three times as often."""
