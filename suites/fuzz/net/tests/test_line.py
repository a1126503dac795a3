from __future__ import annotations

import socket
import threading

import pytest

from reference_broker.wire import HEARTBEAT_REQUEST, HEARTBEAT_RESPONSE, EventType, event_header
from suites.fuzz.net.line import Line, LineError
from suites.harness.target import free_port


class Peer:
    """Accepts one connection and does what a test says."""

    def __init__(self, sends: bytes, *, closes: bool = False) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.received = b""
        self._sends = sends
        self._closes = closes
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.sendall(self._sends)
            if not self._closes:
                while data := connection.recv(4096):
                    self.received += data

    def close(self) -> None:
        self._thread.join(10)
        self._listener.close()


def test_others_are_left_out_and_heartbeats_answered():
    ack = event_header(EventType.ACK, 0)
    peer = Peer(HEARTBEAT_REQUEST + event_header(EventType.PUSH, 0) + ack)
    with Line("127.0.0.1", peer.port, "she") as line:
        assert line.expect(EventType.ACK).type == EventType.ACK
    peer.close()
    assert peer.received == HEARTBEAT_RESPONSE


@pytest.mark.parametrize(
    ("sends", "closes", "said"),
    [
        (b"", False, r"she waited 0.05 s for ACK in vain"),
        (b"", True, r"the connection of she was closed: end of the stream"),
        (b"\xff" * 16, False, r"she was sent what is no event"),
    ],
)
def test_what_is_no_answer(sends, closes, said):
    peer = Peer(sends, closes=closes)
    with Line("127.0.0.1", peer.port, "she", 0.05) as line, pytest.raises(LineError, match=said):
        line.expect(EventType.ACK)
    peer.close()


def test_nobody_listens():
    with pytest.raises(LineError, match="she cannot connect"):
        Line("127.0.0.1", free_port(), "she")
