"""What the queues of both clients share: the messages that wait, and whether they can be used."""

from __future__ import annotations

from collections import deque

from reference_broker.client.errors import ClientError
from reference_broker.session import ClientQueue, Message, QueueOptions


class QueueHandle:
    """An open queue, until it fails: it was closed, or lost for good.

    A handle that has failed holds no messages: the broker has taken them back with the queue, and
    gives them to others.

    Args:
        queue: what the session knows of it.
    """

    def __init__(self, queue: ClientQueue) -> None:
        self._queue = queue
        self._inbox: deque[Message] = deque()
        self._failure: tuple[type[ClientError], str] | None = None

    @property
    def uri(self) -> str:
        """The queue's URI."""
        return str(self._queue.uri)

    @property
    def options(self) -> QueueOptions:
        """How it is being read."""
        return self._queue.options

    def _take_all(self) -> list[Message]:
        messages = list(self._inbox)
        self._inbox.clear()
        return messages

    def _check_open(self) -> None:
        if self._failure is not None:
            error, text = self._failure
            raise error(text)

    def _check_reader(self) -> None:
        self._check_open()
        if not self._queue.is_reader:
            raise ClientError(f"{self.uri} was not opened for reading; open it with read=True")

    def _check_writer(self) -> None:
        self._check_open()
        if not self._queue.is_writer:
            raise ClientError(f"{self.uri} was not opened for writing; open it with write=True")

    def _fail(self, error: type[ClientError], text: str) -> None:
        """Be of no use from now on; what comes first is what every call raises."""
        if self._failure is None:
            self._failure = error, text
        self._inbox.clear()
