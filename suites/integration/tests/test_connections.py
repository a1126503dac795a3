"""Connections of a case: what they wait for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from suites.harness.target import Target, TargetSpec
from suites.harness.topology import MEM_DOMAIN
from suites.integration.actor import Actor
from suites.integration.connections import Wire

URI = f"bmq://{MEM_DOMAIN}/connections"
PATIENCE_S = 0.2


class LateWire(Wire):
    """Something is confirmed by another client, while a reader has looked already.

    Attributes:
        readers: how many there were.
        patience_s: of the readers, if not the usual one.
    """

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.readers = 0
        self.patience_s = 0.0
        self._late = self.actor("late")
        self._late.open(URI, read=True)
        self.guids = self.writer(URI).post(b"one", b"two")

    def reader(self, *arguments: Any, **named: Any) -> Actor:
        self.readers += 1
        if self.readers > 1:
            self._late.confirm(self.guids[self.readers - 2])
            self._late.settle()
        found = super().reader(*arguments, **named)
        found.timeout_s = self.patience_s or found.timeout_s
        return found


@pytest.fixture
def wire() -> Iterator[LateWire]:
    with Target(TargetSpec.parse("in-process")) as target:
        connections = LateWire(target)
        yield connections
        connections.close()


def test_what_is_confirmed_late_is_waited_for(wire):
    wire.wait_until_empty(URI)
    assert wire.readers == 3


def test_a_queue_that_keeps_its_messages_is_told_of(wire):
    wire.guids = [wire.guids[0]] * 1_000
    wire.patience_s = PATIENCE_S
    with pytest.raises(AssertionError, match="1 confirmed messages are still there"):
        wire.wait_until_empty(URI)
