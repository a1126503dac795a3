"""Fake brokers: one that says one thing, and one in front of a real one that dies."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Self

_RECEIVE_BYTES = 64 * 1024


@contextlib.contextmanager
def fake_broker(answer: bytes, *, closes: bool, connections: int = 1) -> Iterator[int]:
    """Listen on a free port, answer each of so many connections alike, and yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        served: list[socket.socket] = []
        is_over = threading.Event()

        def serve() -> None:
            for _ in range(connections):
                connection, _ = server.accept()
                served.append(connection)
                if is_over.is_set():
                    return
                with contextlib.suppress(OSError):  # who was told enough may be gone
                    connection.sendall(answer)
                if closes:
                    connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            is_over.set()
            with contextlib.suppress(OSError):  # let a server that nobody called go
                socket.create_connection(server.getsockname(), 1).close()
            thread.join(5)
            for connection in served:
                connection.close()


class MortalBroker:
    """Passes connections on to a real broker, and is gone after so many; use it as a context.

    Args:
        port: where the real broker listens, on this machine.
        connections: how many it passes on.
        is_silent: instead of being gone it accepts connections and says nothing, on none of them.
    """

    def __init__(self, port: int, connections: int, *, is_silent: bool = False) -> None:
        self._real = ("127.0.0.1", port)
        self._left = connections
        self._is_silent = is_silent
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._sockets: list[socket.socket] = []
        self._is_dead = threading.Event()
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._serve)]

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._is_over.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._threads[0].join(5)
        self._close_all()
        for thread in self._threads:
            thread.join(5)

    def _serve(self) -> None:
        with self._server:
            while True:
                near, _ = self._server.accept()
                self._sockets.append(near)
                if self._is_over.is_set():
                    return
                if self._left == 0:
                    self._is_dead.set()
                    if not self._is_silent:
                        self._close_all()
                        return
                    continue
                self._left -= 1
                far = socket.create_connection(self._real)
                self._sockets.append(far)
                for pair in ((near, far), (far, near)):
                    self._threads.append(threading.Thread(target=self._pump, args=pair))
                    self._threads[-1].start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_RECEIVE_BYTES):
                if not self._is_dead.is_set():
                    sink.sendall(data)
            if not self._is_dead.is_set():
                sink.shutdown(socket.SHUT_WR)

    def _close_all(self) -> None:
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
