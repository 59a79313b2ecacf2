from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks import structure

SCRIPT = Path(structure.__file__)


def test_floors_count_the_longest_chain_and_a_ring_has_one():
    chain = {"a": {"b", "c"}, "b": {"c"}, "c": set()}

    assert structure.heights(chain) == {"a": 3, "b": 2, "c": 1}
    assert max(structure.heights({"a": {"b"}, "b": {"a"}}).values()) == 2


def test_a_checkout_is_described(tmp_path: Path):
    package = tmp_path / "negvol_cli"
    (package / "io").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    body = "\n".join(f"    x = {i}" for i in range(45))
    (package / "big.py").write_text(
        f"from negvol_cli.io import small\n\n\ndef long(a, b, c, d, e, f):\n{body}\n"
    )
    (package / "io" / "small.py").write_text("def short(self, a):\n    return a\n" * 4)
    out = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout

    assert "modules per package: / 2, io 1" in out
    assert "functions over 40 lines: 1\n    46 negvol_cli.big.long" in out
    assert "functions with over 5 parameters by position: 1\n     6 negvol_cli.big.long" in out
    assert "floors of packages and top modules: 2" in out
