"""TLS between DICOM nodes, as in the profiles of PS3.15 B: at least version 1.2, both ends named.

The client checks that the server's certificate is of the host that it calls. A server with
certificates of authorities lets nobody in who shows none of theirs.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from negvol_cli.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """PEM files: our certificate and its key, and the authorities whose certificates we trust.

    Without ``authorities`` a client trusts those of the system.
    """

    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def for_client(self) -> ssl.SSLContext:
        """What a client uses. Raises InputError where a file cannot be used."""
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
        if self.authorities is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return self._filled(context)

    def for_server(self) -> ssl.SSLContext:
        """What a server uses. Raises InputError where a file is missing, or cannot be used."""
        if self.certificate is None or self.authorities is None:
            raise InputError(
                "a node that listens with TLS needs --tls-cert and --tls-key to show, and "
                "--tls-ca to know who may call: give them"
            )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        return self._filled(context)

    def _filled(self, context: ssl.SSLContext) -> ssl.SSLContext:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if (authorities := self.authorities) is not None:
            _read((authorities,), lambda: context.load_verify_locations(authorities))
        if (certificate := self.certificate) is not None:
            key = self.key or certificate
            _read(
                (certificate, key),
                lambda: context.load_cert_chain(certificate, key, password=""),
            )
        return context


def _read(paths: tuple[Path, ...], load: Callable[[], None]) -> None:
    for path in paths:
        if not path.is_file():
            raise InputError(f"there is no file {path}: give a PEM file for TLS")
    named = " and ".join(dict.fromkeys(map(str, paths)))
    try:
        load()
    except ssl.SSLError as err:
        raise InputError(
            f"{named} cannot be used for TLS ({err.reason or 'no PEM file'}): give PEM files that "
            "belong together, and a key without a password"
        ) from err
    except OSError as err:
        raise InputError(f"cannot read {named}: {err.strerror}") from err
