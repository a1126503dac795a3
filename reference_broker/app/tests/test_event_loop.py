"""Which event loop runs a broker."""

from __future__ import annotations

import asyncio
import sys

import pytest

from reference_broker.app.event_loop import loop_factory


def test_without_uvloop_it_is_the_standard_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert loop_factory() is None


def test_a_runner_takes_it():
    async def work() -> str:
        return "done"

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        assert runner.run(work()) == "done"
