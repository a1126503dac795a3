"""The raw peer: everything that a broker may fail to do has its own error."""

from __future__ import annotations

import pytest

from reference_broker.base import WireError
from reference_broker.wire import HEARTBEAT_RESPONSE, EventType
from suites.integration.raw import ClosedError, OpenError, RawPeer, SilentError
from suites.integration.tests.fake import fake_broker


def test_events_come_one_by_one():
    with (
        fake_broker(HEARTBEAT_RESPONSE * 2, closes=True) as port,
        RawPeer("127.0.0.1", port) as peer,
    ):
        assert peer.read_event().type == EventType.HEARTBEAT_RSP
        assert peer.read_event().type == EventType.HEARTBEAT_RSP
        peer.expect_closed()
    assert "closed by the broker" in str(peer.transcript)
    assert str(peer.transcript).count("< HEARTBEAT_RSP") == 2


def test_a_close_where_none_is_due():
    with (
        fake_broker(b"", closes=True) as port,
        RawPeer("127.0.0.1", port) as peer,
        pytest.raises(ClosedError),
    ):
        peer.read_event()


def test_silence_where_something_is_due():
    with fake_broker(b"", closes=False) as port, RawPeer("127.0.0.1", port) as peer:
        assert peer.poll_event(0.01) is None
        with pytest.raises(SilentError, match=r"within 0\.01 s"):
            peer.read_event(0.01)


def test_no_close_where_one_is_due():
    with (
        fake_broker(b"", closes=False) as port,
        RawPeer("127.0.0.1", port) as peer,
        pytest.raises(OpenError, match="keeps the connection open"),
    ):
        peer.expect_closed(0.01)


def test_an_answer_where_a_close_is_due():
    with (
        fake_broker(HEARTBEAT_RESPONSE, closes=True) as port,
        RawPeer("127.0.0.1", port) as peer,
        pytest.raises(OpenError, match="HEARTBEAT_RSP"),
    ):
        peer.expect_closed()


def test_garbage_is_the_brokers_fault():
    with (
        fake_broker(b"\0\0\0\1garbage", closes=True) as port,
        RawPeer("127.0.0.1", port) as peer,
        pytest.raises(WireError),
    ):
        peer.read_event()
