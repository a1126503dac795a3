"""Addresses and outcomes."""

from __future__ import annotations

import errno
import socket

import pytest

from reference_broker.base import Instant, OperatorError, QueueUri
from reference_broker.client import (
    Ack,
    AckStatus,
    ClientSettings,
    ConnectionLostError,
    PostRefusedError,
    RequestRefusedError,
    TimedOutError,
    parse_address,
)
from reference_broker.client.settings import check, why_unreachable
from reference_broker.session import ClientQueue, Request
from reference_broker.wire.control import Disconnect, Status, StatusCategory


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("tcp://localhost:30114", ("localhost", 30114)),
        ("tcp://127.0.0.1:1", ("127.0.0.1", 1)),
        ("tcp://[::1]:80", ("::1", 80)),
    ],
)
def test_addresses(address: str, expected: tuple[str, int]):
    assert parse_address(address) == expected


@pytest.mark.parametrize(
    "address",
    ["", "tcp://", "tcp://host", "tcp://host:", "tcp://host:port", "tcp://host:99999", "host",
     "http://host:80", "tcp://:80", "127.0.0.1:1", "localhost:30114"],
)  # fmt: skip
def test_other_texts_are_no_addresses(address: str):
    with pytest.raises(OperatorError, match="not of the form tcp://HOST:PORT"):
        parse_address(address)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"), "Connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (TimeoutError("timed out"), "timed out"),
    ],
)
def test_why_a_broker_cannot_be_reached_is_in_the_systems_words(error: OSError, text: str):
    assert why_unreachable(error) == text


def request(category: StatusCategory) -> Request:
    status = Status(category, -7, "the reason")
    return Request(Disconnect(), None, Instant(0), is_done=True, status=status)


def test_success_raises_nothing():
    check("open", request(StatusCategory.E_SUCCESS))


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        (StatusCategory.E_NOT_CONNECTED, ConnectionLostError),
        (StatusCategory.E_TIMEOUT, TimedOutError),
        (StatusCategory.E_REFUSED, RequestRefusedError),
        (StatusCategory.E_UNKNOWN, RequestRefusedError),
    ],
)
def test_failures_raise_what_they_are(category: StatusCategory, kind: type[Exception]):
    with pytest.raises(kind, match=r"open x: .*the reason"):
        check("open x", request(category))


def test_a_refusal_carries_the_status():
    with pytest.raises(RequestRefusedError) as caught:
        check("open x", request(StatusCategory.E_REFUSED))
    assert caught.value.status.code == -7
    assert str(caught.value) == "open x: E_REFUSED -7: the reason"


def test_a_refused_post_names_the_first():
    queue = ClientQueue(QueueUri.parse("bmq://d/q"), (0, 0), None, is_writer=True)
    refused = [Ack(bytes([n] * 16), AckStatus.LIMIT_BYTES, queue) for n in (1, 2)]
    error = PostRefusedError(refused, 5)
    assert error.refused == tuple(refused)
    assert str(error) == (
        f"2 of 5 messages refused by bmq://d/q; the first, {'01' * 16}, with LIMIT_BYTES"
    )


def test_two_sessions_are_two_clients():
    first, second = ClientSettings().new_session(), ClientSettings().new_session()
    assert first.facts.client_id != second.facts.client_id
    assert first.facts.session_id != second.facts.session_id
