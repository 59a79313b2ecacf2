"""Where a node listens, and whom and what it lets in."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

from negvol_cli.errors import OutputError
from negvol_cli.node.contexts import DISCARDED, MEASURED, PLAIN, READ, VERIFICATION
from negvol_cli.node.library import entity, pynetdicom
from negvol_cli.node.receiving import Receiver

_SPARE: Final = 8
"""Connections above the most associations, so that those too many can be told why they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """An AE title, where it listens, and whom it lets in.

    ``callers`` are AE titles. ``timeout_s`` ends an association on which nothing happens, and
    ``greeting_s`` a connection that does not ask for one.
    """

    title: str
    host: str
    port: int
    callers: tuple[str, ...]
    most_associations: int
    tls: ssl.SSLContext | None = None
    timeout_s: float = 60.0
    greeting_s: float = 10.0


@contextmanager
def listening(where: Listening, receiver: Receiver) -> Iterator[None]:
    """Listen in threads of pynetdicom's. Raises OutputError where the port cannot be had."""
    ours = entity_of(where)
    try:
        server = ours.make_server(
            (where.host, where.port),
            ssl_context=where.tls,
            evt_handlers=[*receiver.handlers(), (pynetdicom().evt.EVT_CONN_CLOSE, _let_go)],
            server_class=_server_class(),
        )
    except (OSError, ValueError) as err:
        why = getattr(err, "strerror", None) or err
        raise OutputError(
            f"cannot listen on {where.host}:{where.port} ({why}): give another --port or --listen"
        ) from err
    ours._servers.append(server)  # as ``start_server`` does, which knows no ``server_class``
    thread = threading.Thread(target=server.serve_forever, args=(0.2,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ours.shutdown()


def entity_of(where: Listening) -> Any:
    """The application entity with all that it accepts."""
    made = entity(where.title)
    made.require_called_aet = True
    made.require_calling_aet = list(where.callers)
    made.maximum_associations = where.most_associations
    made.network_timeout = made.dimse_timeout = where.timeout_s
    made.acse_timeout = where.greeting_s
    made.add_supported_context(VERIFICATION, [kind.uid for kind in PLAIN])
    for sop_class in (kind.uid for kind in (*MEASURED, *DISCARDED)):
        made.add_supported_context(sop_class, [encoding.uid for encoding in READ])
    for sop_class in refused_classes():
        made.add_supported_context(sop_class, [encoding.uid for encoding in READ])
    return made


def refused_classes() -> list[str]:
    """All other storage classes: accepted, so that each object is refused by name in the log."""
    known = {kind.uid for kind in (*MEASURED, *DISCARDED)}
    contexts = pynetdicom().AllStoragePresentationContexts
    return sorted({str(context.abstract_syntax) for context in contexts} - known)


@cache
def _server_class() -> Any:
    pynetdicom()
    from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

    class Handler(RequestHandler):
        """pynetdicom's, whose associations end with what they are made of."""

        def _create_association(self) -> Any:
            association = super()._create_association()
            provider: Any = association.dul
            provider.run = partial(_spoken, provider, provider.run)
            return association

    class Server(ThreadedAssociationServer):
        """pynetdicom's server, which a silent or a thousandfold caller does not hold up."""

        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **{**named, "request_handler": Handler})

        def get_request(self) -> tuple[socket.socket, Any]:
            """Take a connection; the handshake of TLS is left to the association's own thread."""
            assert self.socket is not None
            client, address = self.socket.accept()
            client.settimeout(self.ae.network_timeout)
            if self.ssl_context is not None:
                client = self.ssl_context.wrap_socket(
                    client, server_side=True, do_handshake_on_connect=False
                )
            return client, address

        def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
            """Close at once what is far too much."""
            return len(self.active_associations) < self.ae.maximum_associations + _SPARE

    return Server


def _spoken(provider: Any, run: Callable[[], None]) -> None:
    """Run the thread that reads what a peer says, and let who waits for it go on when it ends.

    On some nonsense it raises: a traceback helps nobody, and the association ends all the same.
    """
    try:
        run()
    except Exception:  # noqa: BLE001 - whatever nonsense makes pynetdicom raise
        provider.kill_dul()
        evt = pynetdicom().evt
        evt.trigger(provider.assoc, evt.EVT_CONN_CLOSE, {"address": None})
    finally:
        provider.to_user_queue.put(None)


def _let_go(event: Any) -> None:
    """End an association at once whose connection was closed before it was asked for.

    pynetdicom would wait, and count it among the associations.
    """
    if event.assoc.requestor.primitive is None:
        event.assoc.dul.to_user_queue.put(None)
