"""The cases: load, faults, and the question whether anything was lost or delivered twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from suites.chaos.run import Run
from suites.chaos.schedule import Action, Schedule, black_hole, crash, cut
from suites.harness.target import Capability
from suites.harness.topology import MEM_DOMAIN, STRONG_DOMAIN

# When faults begin and end, as parts of the time under load.
_FAULT_AT: Final = 0.35
_ALL_AT: Final = 0.42
_HEAL_AT: Final = 0.8
_RESTART_AT: Final = 0.4


@dataclass(frozen=True, slots=True)
class ChaosCase:
    """What a case says, and what it does.

    Attributes:
        id: stable.
        title: one line.
        statement: what is checked.
        expectation: what a right broker does.
        needs: what the target must be able to do.
        domain: of the queue, where the target's domains are ours.
        has_links: whether clients connect by proxies.
        scenario: the load and the faults, up to the point where everything is drained.
    """

    id: str
    title: str
    statement: str
    expectation: str
    needs: frozenset[Capability]
    domain: str
    has_links: bool
    scenario: Callable[[Run], Awaitable[None]]


async def _partition(run: Run, schedule: Schedule) -> None:
    await run.start_producers()
    await run.start_consumers()
    await run.under_load(schedule)
    await run.stop_producing()
    await run.wait_answered()
    await run.wait_drained()


async def _black_hole(run: Run) -> None:
    times = [run.seconds * part for part in (_FAULT_AT, _ALL_AT, _HEAL_AT)]
    await _partition(run, black_hole(*times))


async def _cut(run: Run) -> None:
    await _partition(run, cut(run.seconds * _FAULT_AT, run.seconds * _HEAL_AT))


async def _crash(run: Run) -> None:
    """Kill the broker under load, and once more when it has nothing but its files to go by."""
    producers = await run.start_producers()
    consumers = await run.start_consumers()
    await run.under_load(crash(run.seconds * _FAULT_AT, run.seconds * _RESTART_AT))
    await run.stop_producing()
    await run.wait_answered()
    await run.part_with(consumers)
    for producer in producers:
        producer.post_batch()
        await run.wait_answered()
    await run.inflict(Action.KILL)
    await run.inflict(Action.RESTART)
    await run.start_consumers(first=len(consumers))
    await run.wait_drained()


CASES: Final = (
    ChaosCase(
        id="CHAOS-PARTITION-1",
        title="a black hole between clients and broker",
        statement=(
            "Messages that were acknowledged are delivered, and confirmed ones not again, when the "
            "links between clients and broker swallow all bytes for a while: first only the "
            "acknowledgements to producers, then everything."
        ),
        expectation=(
            "Both sides miss heartbeats and give the connections up. When the links are back, "
            "clients reconnect, open their queues and send again what was not acknowledged; the "
            "broker acknowledges it and stores none of it twice, even if it was delivered and "
            "confirmed meanwhile, and delivers what was not confirmed once more."
        ),
        needs=frozenset(),
        domain=MEM_DOMAIN,
        has_links=True,
        scenario=_black_hole,
    ),
    ChaosCase(
        id="CHAOS-PARTITION-2",
        title="all connections between clients and broker are cut",
        statement=(
            "Messages that were acknowledged are delivered, and confirmed ones not again, when all "
            "connections break at once and cannot be made again for a while."
        ),
        expectation=(
            "Clients try until they are connected, open their queues and send again what was not "
            "acknowledged; the broker stores none of it twice, and delivers what was not confirmed "
            "once more."
        ),
        needs=frozenset(),
        domain=MEM_DOMAIN,
        has_links=True,
        scenario=_cut,
    ),
    ChaosCase(
        id="CHAOS-CRASH-1",
        title="the broker is killed and started again",
        statement=(
            "No message that was acknowledged is lost when the broker is killed, under load or "
            "with a backlog, if its domain is file-backed and consistent."
        ),
        expectation=(
            "The broker finds every acknowledged message in its files and delivers it; messages "
            "that it had not yet acknowledged are sent again and stored once."
        ),
        needs=frozenset({Capability.LIFECYCLE, Capability.CONFIGURED}),
        domain=STRONG_DOMAIN,
        has_links=False,
        scenario=_crash,
    ),
)
