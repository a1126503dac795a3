"""A broker that runs beside the test, and waiting for conditions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from reference_broker.app import ReferenceBroker
from reference_broker.client import ClientSettings

MEM = "test.mem"
FILE = "test.file"
SMALL = "test.small"
#: Nothing here takes long; a test that waits this long has failed.
PATIENCE_S = 20.0


def domain(storage: str = "inMemory", messages: int = 100_000) -> dict[str, Any]:
    """Return a domain whose queues hold `messages` messages and one more."""
    limits = {"messages": 100_000, "bytes": 1_000_000_000}
    return {
        "definition": {
            "location": "local",
            "parameters": {
                "mode": {"priority": {}},
                "storage": {
                    "config": {storage: {}},
                    "queueLimits": {**limits, "messages": messages},
                    "domainLimits": limits,
                },
                "messageTtl": 300,
                "consistency": {"eventual": {}},
            },
        }
    }


DOMAINS = {MEM: domain(), FILE: domain("fileBacked"), SMALL: domain(messages=0)}


def settings(**changes: Any) -> ClientSettings:
    """Return settings that are in a hurry."""
    hurried: dict[str, Any] = {
        "connect_timeout_s": PATIENCE_S,
        "request_timeout_s": PATIENCE_S,
        "retry_interval_s": 0.01,
        "process_name": "test",
    }
    return ClientSettings(**hurried | changes)


def broker(storage: Path | None = None, port: int = 0) -> ReferenceBroker:
    """Return a broker with the domains of these tests, not yet started."""
    return ReferenceBroker(domains=DOMAINS, storage=storage, port=port)


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition that the event loop brings about."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await turn()


async def turn() -> None:
    """Let the event loop go round once."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.call_soon(over.set_result, None)
    await over


class ThreadedBroker:
    """A broker on an event loop in a thread of its own, for clients that block.

    Args:
        storage: folder of its log.
    """

    def __init__(self, storage: Path) -> None:
        self._storage = storage
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._broker: ReferenceBroker | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    @property
    def address(self) -> str:
        """What clients connect to."""
        return f"tcp://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start on the port and the storage of before."""
        self._broker = broker(self._storage, self.port)
        self._run(self._broker.__aenter__())
        self.port = self._broker.port

    def kill(self) -> None:
        """Let everything go at once."""
        if self._broker is not None:
            self._run(self._broker.abort())
            self._broker = None

    def messages(self) -> int:
        """Return how many messages are stored."""
        assert self._broker is not None
        return self._broker.statistics().messages

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)
