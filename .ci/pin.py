"""Write constraints.txt: the version here of everything that negvol and its extras need.

    python .ci/pin.py

Run it in the environment that passed ``.ci/run``. CUDA's own packages are left to the extra.
"""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

ROOT: Final = Path(__file__).parents[1]
HEAD: Final = """\
# The versions that the tests ran with (Python 3.11, Linux x86_64): pip install -c constraints.txt .
# Rewritten by .ci/pin.py; see docs/development.md, Release.
"""


def needed() -> dict[str, str]:
    """Return the version of every distribution that is needed, directly or not, by its name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = (line for extra in project["optional-dependencies"].values() for line in extra)
    todo = [Requirement(line) for line in (*project["dependencies"], *extras)]
    todo = [requirement for requirement in todo if "cuda" not in requirement.extras]
    found: dict[str, str] = {}
    while todo:
        requirement = todo.pop()
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if name in found or not _applies(requirement, ""):
            continue
        distribution = metadata.distribution(requirement.name)
        found[name] = distribution.version.split("+")[0]
        below = map(Requirement, distribution.requires or ())
        wanted = ("", *requirement.extras)
        todo += [other for other in below if any(_applies(other, extra) for extra in wanted)]
    return found


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


if __name__ == "__main__":
    lines = [f"{name}=={version}\n" for name, version in sorted(needed().items())]
    (ROOT / "constraints.txt").write_text(HEAD + "".join(lines), encoding="utf-8")
