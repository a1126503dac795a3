"""A broker that breaks: a proxy before a right one, which watches for bytes and then fails."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

from suites.harness.target import Target, TargetSpec


class Fragile:
    """Forwards connections to a broker until a client sends certain bytes.

    Args:
        target: the broker.
        trigger: the bytes; empty for none.
        how: `die` closes everything, and listens no more; `hang` forwards nothing any more;
            `garble` sends what is no event to whoever has sent them.
    """

    def __init__(self, target: Target, trigger: bytes = b"", how: str = "die") -> None:
        self._address = target.host, target.port
        self._trigger = trigger
        self._how = how
        self._is_over = threading.Event()
        self._is_stuck = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()

    @property
    def spec(self) -> TargetSpec:
        """How tests say it."""
        return TargetSpec.parse(f"external:127.0.0.1:{self.port}")

    def close(self) -> None:
        """End everything."""
        self._is_over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for each in self._sockets:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            if thread is not threading.current_thread():
                thread.join(10)

    def _listen(self) -> None:
        while not self._is_over.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            broker = socket.create_connection(self._address)
            with self._lock:
                self._sockets += [client, broker]
            thread = threading.Thread(target=self._serve, args=(client, broker), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket, broker: socket.socket) -> None:
        back = threading.Thread(target=self._pump, args=(broker, client, False), daemon=True)
        back.start()
        self._pump(client, broker, True)
        back.join()
        client.close()
        broker.close()

    def _pump(self, source: socket.socket, sink: socket.socket, is_client: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_client and self._trigger and self._trigger in data:
                    self._fail(source)
                if self._is_stuck.is_set():
                    continue
                sink.sendall(data)
        if self._is_stuck.is_set():
            self._is_over.wait(60)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _fail(self, client: socket.socket) -> None:
        if self._how == "hang":
            self._is_stuck.set()
        elif self._how == "garble":
            client.sendall(b"\xff" * 16)
        else:
            threading.Thread(target=self.close, daemon=True).start()
            self._is_over.wait(5)
            raise OSError("it died")


@contextlib.contextmanager
def fragile(trigger: bytes = b"", how: str = "die") -> Iterator[Fragile]:
    """Give a fragile broker before one that runs in this process."""
    with Target(TargetSpec.parse("in-process")) as target:
        proxy = Fragile(target, trigger, how)
        try:
            yield proxy
        finally:
            proxy.close()
