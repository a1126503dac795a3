"""Things that listen, and are no brokers: each answers every connection in its own wrong way."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

from reference_broker.wire.control import (
    BrokerResponse,
    ClientIdentity,
    ClientType,
    ControlMessage,
    NegotiationMessage,
    Status,
    StatusCategory,
)
from reference_broker.wire.control_event import control_event

GARBAGE = b"HTTP/1.1 400 Bad Request\r\n\r\n"


def welcome(category: StatusCategory = StatusCategory.E_SUCCESS, message: str = "") -> bytes:
    """Return a brokerResponse."""
    who = ClientIdentity(protocol_version=1, client_type=ClientType.E_TCPBROKER)
    return control_event(
        NegotiationMessage(
            choice=BrokerResponse(
                result=Status(category, 0, message),
                protocol_version=1,
                broker_version=1,
                broker_identity=who,
            )
        )
    )


def refusal(r_id: int, message: str) -> bytes:
    """Return the answer to a request that the broker cannot fulfil."""
    status = Status(StatusCategory.E_UNKNOWN, -1, message)
    return control_event(ControlMessage(r_id=r_id, choice=status))


@contextlib.contextmanager
def listener(answer: bytes, *, closes: bool) -> Iterator[int]:
    """Listen, answer whoever comes with these bytes, and hang up or not; yields the port."""
    kept: list[socket.socket] = []

    def serve() -> None:
        with contextlib.suppress(OSError):  # the listening socket is shut down
            while True:
                connection, _ = server.accept()
                kept.append(connection)
                connection.sendall(answer)
                if closes:
                    connection.shutdown(socket.SHUT_WR)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for connection in kept:
                connection.close()
