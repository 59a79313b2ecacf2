"""Shared parts of the two pages, a scan's and a batch's."""

from __future__ import annotations

from importlib.resources import files

import jinja2
from markupsafe import Markup


def templates() -> jinja2.Environment:
    """Return the package's templates; every text is escaped, and a missing one is an error."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("negvol_cli.render"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def trusted(*names: str) -> Markup:
    """Return the package's own files, concatenated, to be inserted into a page unescaped."""
    folder = files("negvol_cli.render").joinpath("templates")
    texts = (folder.joinpath(name).read_text(encoding="utf-8") for name in names)
    return Markup("\n".join(texts))  # noqa: S704
