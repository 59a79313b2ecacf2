"""Names of result folders are unique and can be written everywhere."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import pytest

from negvol_cli.batch import tables
from negvol_cli.batch.naming import Claim, unique_names
from negvol_cli.io.result_names import result_name
from negvol_cli.render.library import LIBRARY


def digits(of: str, count: int = 8) -> str:
    """SHA-256, so that anybody can say which scan a name belongs to."""
    return hashlib.sha256(of.encode()).hexdigest()[:count]


def named(*scans: tuple[str, str]) -> list[str]:
    return unique_names([Claim(wanted=wanted, identity=identity) for wanted, identity in scans])


ODD = [
    *("_".join(parts) for parts in itertools.product(["a", "b_c", "A"], ["ct", "b", "c_ct"])),
    *("CT", "summary.csv", "Summary.CSV", "found.csv", "failures.csv", "summary.html"),
    *("plotly.min.js", "run.json", "folder" * 30, "CON", "nul", "nul.txt", "COM1.v2", "LPT\u00b9"),
    *("ü" * 90, "u\u0308" * 90, "Straße", "STRASSE", "..", "a:b", "", ".", " ct ", "ct.", ".ct"),
    *("\udcff", "\x1b[31mred", "a\u202etpircs", "a\u200bb", "ab", "ﬁle", "file", "line\nbreak"),
    *("batch", ".lock", ".a.part-0123abcd", "a.part-b", "K", "\u212a", "i", "I", "\u0131"),
]
SCANS = [(wanted, f"folder {number}/{wanted}") for number, wanted in enumerate(ODD)]


def test_names_differ_even_where_capitals_do_not_count() -> None:
    names = named(*SCANS)

    assert len({name.casefold() for name in names}) == len(SCANS)
    assert len({name.upper() for name in names}) == len(SCANS)


def test_every_name_can_be_a_folder_and_none_hides_or_writes_to_a_terminal(tmp_path: Path) -> None:
    for name in named(*SCANS):
        (tmp_path / name).mkdir()
        (tmp_path / f".{name}.part-0123abcd-old").mkdir()  # the longest name made of it
        assert name[0] != "."
        assert name[-1] not in " ."
        assert name.isprintable()

    assert len(list(tmp_path.iterdir())) == 2 * len(SCANS)


DEVICES = [
    *("con", "prn", "aux", "nul", "conin$", "conout$", "clock$"),
    *(f"{port}{number}" for port in ("com", "lpt") for number in "0123456789\u00b9\u00b2\u00b3"),
]


@pytest.mark.parametrize("ending", ["", ".txt", ".v2.old"])
def test_no_name_is_that_of_a_device_of_windows(ending: str) -> None:
    for device in DEVICES:
        for name in (device + ending, device.upper() + ending):
            (given,) = named((name, "scan"))
            assert given.split(".")[0].split("-")[0].rstrip().casefold() not in DEVICES
            assert result_name(name).split(".")[0].rstrip().casefold() not in DEVICES


def test_no_name_is_that_of_a_file_beside_the_results() -> None:
    files = [tables.SUMMARY, tables.FAILURES, tables.FOUND, tables.PAGE, LIBRARY]

    for file in files:
        for name in (file, file.upper()):
            assert named((name, "a"))[0].casefold() != file
            assert result_name(name).casefold() != file


def test_names_do_not_depend_on_the_order_in_which_scans_are_found() -> None:
    forwards = dict(zip(SCANS, named(*SCANS), strict=True))
    backwards = dict(zip(SCANS[::-1], named(*SCANS[::-1]), strict=True))

    assert forwards == backwards


@pytest.mark.parametrize("name", ["ct", "a_b_ct.v2", "Kopf 1", "頭部", "console", "com10", "nul-1"])
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    assert named((name, "somewhere")) == [name]
    assert result_name(name) == name


def test_files_that_differ_in_their_endings_alone_get_two_names() -> None:
    assert named(("scan", "scan.mha"), ("scan", "scan.nrrd")) == [
        f"scan-{digits('scan.mha')}",
        f"scan-{digits('scan.nrrd')}",
    ]


def test_a_scan_that_is_called_like_anothers_digits_takes_nothing_from_it() -> None:
    first, second = ("a_b", "a/b"), ("a_b", "a_b")
    third = (f"a_b-{digits('a/b')}", "third")
    fourth = (f"a_b-{digits('a/b', 16)}", "fourth")
    fifth = (f"A_B-{digits('a/b', 32)}", "fifth")

    names = named(first, second, third, fourth, fifth)

    assert len({name.casefold() for name in names}) == 5
    assert names[1] == f"a_b-{digits('a_b')}"


def test_two_scans_of_one_identity_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="one identity"):
        named(("a", "x"), ("b", "x"))


@pytest.mark.parametrize("name", ["a:b", "CON", "found.csv", "\x1b[2J", "..", "é" * 100])
def test_the_name_of_a_single_scan_is_the_same_in_every_run_and_usable(
    name: str, tmp_path: Path
) -> None:
    given = result_name(name)

    assert given == result_name(name) == result_name(given)
    (tmp_path / given).mkdir()
