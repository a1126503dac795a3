"""How a client is set up, and the parts that both shells share."""

from __future__ import annotations

import itertools
import os
import secrets
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from reference_broker.base import Instant, OperatorError, seconds
from reference_broker.client.errors import ConnectionLostError, RequestRefusedError, TimedOutError
from reference_broker.session import ClientFacts, ClientSession, Request
from reference_broker.wire.control import Encoding, StatusCategory
from reference_broker.wire.features import CLIENT_FEATURES

DEFAULT_ADDRESS: Final = "tcp://127.0.0.1:30114"
#: Why there is no session, where nothing went wrong.
NO_ANSWER: Final = "nothing came back"
_session_ids: Final = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """How a client behaves.

    Attributes:
        connect_timeout_s: how long the first connection may take, all tries together.
        request_timeout_s: how long the answer to a request may take.
        retry_interval_s: pause between two tries to connect.
        reconnect: whether to connect again when the connection is lost.
        encoding: of our control messages.
        features: what we tell the broker that we can do.
        process_name: how the broker's logs name us; the script's name by default.
    """

    connect_timeout_s: float = 60.0
    request_timeout_s: float = 30.0
    retry_interval_s: float = 0.5
    reconnect: bool = True
    encoding: Encoding = Encoding.BER
    features: str = CLIENT_FEATURES
    process_name: str = ""

    def new_session(self) -> ClientSession:
        """Return a session with an identity of its own."""
        name = self.process_name or f"py:{Path(sys.argv[0] or 'python').name}"
        facts = ClientFacts(
            client_id=secrets.token_bytes(6),
            process_name=name,
            pid=os.getpid(),
            session_id=next(_session_ids),
            epoch_wall_ns=time.time_ns() - time.monotonic_ns(),
            request_timeout=seconds(self.request_timeout_s),
            features=self.features,
        )
        return ClientSession(facts, self.encoding)


def parse_address(address: str) -> tuple[str, int]:
    """Return host and port of `tcp://host:port`.

    Raises:
        OperatorError: it is not of that form.
    """
    try:
        parts = urlsplit(address)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host, port = "", None, None
    if scheme != "tcp" or not host or port is None:
        raise OperatorError(f"broker address {address!r} is not of the form tcp://HOST:PORT")
    return host, port


def why_unreachable(error: OSError) -> str:
    """Return why a connection could not be made, in the system's words.

    Those of asyncio do not say what happened, only its number.
    """
    if error.errno is None or isinstance(error, socket.gaierror):  # which has numbers of its own
        return error.strerror or str(error)
    return os.strerror(error.errno)


def now() -> Instant:
    """Return the time of the clients' clock."""
    return Instant(time.monotonic_ns())


def check(what: str, request: Request) -> None:
    """Raise what a request's outcome calls for.

    Raises:
        ConnectionLostError: the connection broke.
        TimedOutError: no answer came.
        RequestRefusedError: the broker refuses.
    """
    status = request.status
    if status.category is StatusCategory.E_SUCCESS:
        return
    if status.category is StatusCategory.E_NOT_CONNECTED:
        raise ConnectionLostError(f"{what}: {status.message}")
    if status.category is StatusCategory.E_TIMEOUT:
        raise TimedOutError(f"{what}: {status.message}")
    raise RequestRefusedError(what, status)
