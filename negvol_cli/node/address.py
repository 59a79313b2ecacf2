"""Who is called in a DICOM network, and where: ``AET@host:port``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from negvol_cli.errors import InputError

_TITLE = re.compile(r"[\x21-\x5b\x5d-\x7e]([\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?")
_ADDRESS = re.compile(
    r"(?P<title>[^@]*)@(?P<host>\[[0-9A-Fa-f:.]+\]|[^@:\[\]\s]+):(?P<port>[0-9]{1,5})"
)


@dataclass(frozen=True, slots=True)
class Address:
    """An application entity: its title, and the host and port where it listens."""

    title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address that ``AET@host:port`` stands for. Raises InputError for anything else."""
        match = _ADDRESS.fullmatch(text)
        if match is None or not 0 < int(match["port"]) < 2**16:
            raise InputError(
                f"{text!r} is no address of a DICOM node: give AET@host:port, such as "
                "PACS@192.168.1.10:104"
            )
        return cls(ae_title(match["title"]), match["host"].strip("[]"), int(match["port"]))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.title}@{host}:{self.port}"


def ae_title(text: str) -> str:
    r"""``text`` where it can be an AE title: 1 to 16 characters of ASCII, no backslash (PS3.5 6.2).

    Raises InputError.
    """
    if not _TITLE.fullmatch(text):
        raise InputError(
            f"{text!r} is no AE title: give 1 to 16 letters, digits or signs, without a backslash"
        )
    return text
