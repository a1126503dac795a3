"""A broker that says one thing and closes, or says nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def fake_broker(answer: bytes, *, closes: bool) -> Iterator[int]:
    """Listen on a free port and serve one connection; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        served: list[socket.socket] = []

        def serve() -> None:
            connection, _ = server.accept()
            served.append(connection)
            connection.sendall(answer)
            if closes:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            with contextlib.suppress(OSError):  # let a server that nobody called go
                socket.create_connection(server.getsockname(), 1).close()
            thread.join(5)
            for connection in served:
                connection.close()
