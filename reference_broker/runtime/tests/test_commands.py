"""Operators' commands on their way to the core and back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from reference_broker.base import Instant
from reference_broker.config import DomainConfig, DomainNotFound
from reference_broker.core import Broker
from reference_broker.ports import AdminCommand, AdminResult, Effect, Input
from reference_broker.runtime import BrokerServer


class Desk:
    """A core that answers commands, all but `wait` and never twice."""

    def __init__(self) -> None:
        self.late: list[Effect] = []

    def step(self, _now: Instant, inputs: Sequence[Input], *, wall_ns: int) -> list[Effect]:
        assert wall_ns
        effects, self.late = self.late, []
        for item in inputs:
            if isinstance(item, AdminCommand) and item.command != "wait":
                answer = AdminResult(item.token, f"{item.command}!", -31)
                effects.insert(0, answer)
                self.late.append(answer)
        return effects

    def next_deadline(self) -> None:
        return None


def no_domain(name: str) -> DomainConfig:
    raise DomainNotFound(name)


def server() -> BrokerServer:
    core = cast("Broker", Desk())
    return BrokerServer(core, files=None, domains=no_domain, records=lambda _: None)


def test_every_command_gets_its_own_answer():
    async def main() -> None:
        served = server()
        first, second = served.command("one"), served.command("two")
        async with asyncio.timeout(20):
            assert (await first)[1:] == ("one!", -31)
            assert (await second)[1:] == ("two!", -31)
            assert (await served.command("three")).text == "three!"
        await served.abort()

    asyncio.run(main())


def test_the_end_overtakes_a_command():
    async def main() -> None:
        served = server()
        waiting = served.command("wait")
        await served.abort()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert served.command("late").cancelled()

    asyncio.run(main())


def test_commands_that_wait_are_bounded():
    async def main() -> None:
        served = server()
        waiting = [served.command("wait") for _ in range(1_000)]
        result = await served.command("one more")
        assert not waiting[0].done()
        assert (result.rc, result.text) == (-2, "1000 commands wait for an answer already")
        await served.abort()

    asyncio.run(main())
