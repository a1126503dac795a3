"""What stands on either side of a proxy in these tests."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Self

JOIN_SECONDS = 5.0
SOCKET_SECONDS = 10.0


class Upstream:
    """A loopback server that runs `serve` in a thread for each connection."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        # A shut listener wakes its accept; a shut connection wakes its recv.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(JOIN_SECONDS)
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads[1:]:
            thread.join(JOIN_SECONDS)
            assert not thread.is_alive(), "a connection of the upstream did not end"
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._run, args=(connection,), daemon=True)
            self._connections.append(connection)
            self._threads.append(thread)
            thread.start()

    def _run(self, connection: socket.socket) -> None:
        with connection:
            try:
                self._serve(connection)
            except OSError:
                return


def echo(connection: socket.socket) -> None:
    """Send back what comes, as it comes."""
    while data := connection.recv(65_536):
        connection.sendall(data)


def answer_at_end(connection: socket.socket) -> None:
    """Send back everything once the client has finished its half."""
    connection.sendall(read_to_end(connection))


def connect(address: str) -> socket.socket:
    """Connect to `host:port`; every wait on the socket is bounded."""
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=SOCKET_SECONDS)


def read(sock: socket.socket, size: int) -> bytes:
    """Read exactly that many bytes, or up to the end."""
    data = bytearray()
    while len(data) < size and (more := sock.recv(min(65_536, size - len(data)))):
        data += more
    return bytes(data)


def read_to_end(sock: socket.socket) -> bytes:
    """Read up to the end of the stream."""
    data = bytearray()
    while more := sock.recv(65_536):
        data += more
    return bytes(data)


def is_closed(sock: socket.socket) -> bool:
    """Wait for what comes next: True for an end or a reset, False for data or nothing in time."""
    try:
        return sock.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def exchange(sock: socket.socket, data: bytes, during: Callable[[], None] | None = None) -> bytes:
    """Send in a thread and read as many bytes back; `during` runs once sending has begun."""
    sender = threading.Thread(target=_send_all, args=(sock, data), daemon=True)
    sender.start()
    if during is not None:
        during()
    answer = read(sock, len(data))
    sender.join(JOIN_SECONDS)
    assert not sender.is_alive(), "the sender did not get rid of its data"
    return answer


def _send_all(sock: socket.socket, data: bytes) -> None:
    try:
        sock.sendall(data)
    except OSError:
        return  # the reader sees it


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    begin = time.monotonic()
    work()
    return time.monotonic() - begin
