"""Another DICOM node as we call it: an association with it, or one sentence why there is none."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from negvol_cli.errors import PeerError
from negvol_cli.node.address import Address
from negvol_cli.node.contexts import PLAIN, VERIFICATION
from negvol_cli.node.library import entity
from negvol_cli.node.tls import Tls

if TYPE_CHECKING:
    from pynetdicom.association import Association

TIMEOUT_S: Final = 30.0
"""For a connection, and for an answer: pynetdicom's own default for the latter."""

_LIMIT, _CALLING, _CALLED = (3, 2), (1, 3), (1, 7)
"""Source and diagnostic of a rejected association (PS3.8, table 9-21)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Whom we call, under which AE title, with TLS where ``tls`` is given."""

    address: Address
    own_title: str
    tls: Tls | None = None
    timeout_s: float = TIMEOUT_S

    def verify(self) -> None:
        """Ask whether it is there (C-ECHO). Raises PeerError where it does not answer well."""
        with self.associated({VERIFICATION: [kind.uid for kind in PLAIN]}) as association:
            status = association.send_c_echo()
            if "Status" not in status or status.Status != 0:
                raise PeerError(f"{self.address} accepts a connection, but does not answer C-ECHO")

    @contextmanager
    def associated(self, wanted: Mapping[str, Sequence[str]]) -> Iterator[Association]:
        """An association for these SOP classes, each with its transfer syntaxes.

        At least one of them is accepted. Raises PeerError, which says why there is none.
        """
        ours = entity(self.own_title)
        ours.acse_timeout = ours.dimse_timeout = self.timeout_s
        ours.connection_timeout = ours.network_timeout = self.timeout_s
        for sop_class, syntaxes in wanted.items():
            ours.add_requested_context(sop_class, list(syntaxes))
        host, tls = self._host(), None
        if self.tls is not None:
            tls = (self.tls.for_client(), self.address.host)
        association = ours.associate(
            host, self.address.port, ae_title=self.address.title, tls_args=tls
        )
        if not association.is_established:
            raise self._why_not(association, host)
        try:
            yield association
        finally:
            if association.is_established:
                association.release()

    def _host(self) -> str:
        """The address of the host in numbers."""
        try:
            found = socket.getaddrinfo(
                self.address.host, self.address.port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as err:
            raise PeerError(
                f"the host of {self.address} is not known here: check its name, or give its IP "
                "address"
            ) from err
        found.sort(key=lambda one: one[0] != socket.AF_INET)  # few scanners and PACS speak IPv6
        return str(found[0][4][0])

    def _why_not(self, association: Association, host: str) -> PeerError:
        answer: Any = association.acceptor.primitive
        if association.is_rejected and answer is not None:
            return self._refused((answer.result_source, answer.diagnostic))
        if association.rejected_contexts:
            return PeerError(
                f"{self.address} accepts none of the kinds of objects that were offered: allow "
                "them there",
                lasting=True,
            )
        try:
            self._probe(host)
        except PeerError as err:
            return err
        how = "without TLS" if self.tls else "in TLS, which --tls speaks"
        return PeerError(
            f"{self.address} takes the connection but does not answer as a DICOM node: check the "
            f"port, and whether it speaks {how}"
        )

    def _refused(self, reason: tuple[int, int]) -> PeerError:
        said, lasting = {
            _CALLED: (f"its AE title is not {self.address.title}: give the right one", True),
            _CALLING: (
                f"it does not know the AE title {self.own_title}: enter that there, or give "
                "another with --aet",
                True,
            ),
            _LIMIT: ("it has too many associations at this moment: try again later", False),
        }.get(reason, ("it gives no reason that helps: look into its log", True))
        return PeerError(f"{self.address} refuses the association: {said}", lasting=lasting)

    def _probe(self, host: str) -> None:
        """Connect without DICOM, to learn why it does not work with it. Raises PeerError."""
        here, tls = (host, self.address.port), self.tls
        try:
            with socket.create_connection(here, self.timeout_s) as plain:
                if tls is not None:
                    _shake_hands(plain, tls.for_client(), self.address.host)
        except ssl.SSLError as err:
            raise PeerError(
                f"there is no TLS with {self.address} ({_tls_reason(err)}): check --tls-ca, "
                "--tls-cert, and whether the port speaks TLS",
                lasting=True,
            ) from err
        except ConnectionRefusedError as err:
            raise PeerError(
                f"nothing listens at {self.address}: check the port, and whether the other side "
                "runs"
            ) from err
        except TimeoutError as err:
            raise PeerError(
                f"{self.address} does not answer within {self.timeout_s:g} s: check the host, and "
                "the firewalls in between"
            ) from err
        except OSError as err:
            tls_too = ", and whether the port speaks TLS" if tls else ""
            raise PeerError(
                f"there is no connection to {self.address} ({err.strerror or 'closed at once'}): "
                f"check the host and the network{tls_too}"
            ) from err


def _shake_hands(plain: socket.socket, context: ssl.SSLContext, host: str) -> None:
    with context.wrap_socket(plain, server_hostname=host) as secure, suppress(TimeoutError):
        secure.settimeout(1.0)
        secure.recv(1)  # TLS 1.3 refuses a client only after its handshake


def _tls_reason(err: ssl.SSLError) -> str:
    if isinstance(err, ssl.SSLCertVerificationError):
        return str(err.verify_message)
    return (err.reason or "closed at once").replace("_", " ").lower()
