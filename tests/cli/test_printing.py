"""What is printed shows what files are called, and makes a terminal do nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from negvol_cli.cli.printing import escaped, printable
from tests.cli.conftest import Negvol

CODES = ["\x1b]0;owned\x07", "\x1b[2J", "\x9b2J", "\u202e", "\r", "\x08", "\u2028", "\udcff"]


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_shown_as_question_marks(code: str) -> None:
    assert printable(f"a{code}b\n").startswith("a?")
    assert printable(f"a{code}b\n")[:-1].isprintable()


def test_what_can_be_read_stays() -> None:
    assert printable("Müller 頭部 ±5 %\nnext") == "Müller 頭部 ±5 %\nnext"


@pytest.mark.parametrize("code", [*CODES, "\U000e0041"])
def test_json_means_the_same(code: str) -> None:
    text = escaped(json.dumps({"a": f"x{code}y"}, ensure_ascii=False))

    assert text.isprintable()
    assert json.loads(text) == {"a": f"x{code}y"}


@pytest.mark.parametrize("command", ["run", "measure", "view", "batch"])
def test_the_name_of_a_file_reaches_no_terminal_as_a_code(
    negvol: Negvol, tmp_path: Path, command: str
) -> None:
    name = "a\x1b[31m\x9b2Jb.nii"
    (tmp_path / name).write_bytes(b"no image")
    asked = [command, name] if command != "batch" else [command, ".", "--dry-run"]

    for args in (asked, [*asked, "--json"], ["run", "x", name]):
        result = negvol(*args)
        assert "\x1b" not in result.output
        assert "\x9b" not in result.output
