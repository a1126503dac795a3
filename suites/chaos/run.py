"""One case while it runs: its participants, its faults, and the waits at its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from toxiproxy.proxy import Proxy

from suites.chaos.nemesis import Nemesis
from suites.chaos.recorder import Recorder
from suites.chaos.schedule import CONSUMER_LINK, NODE, PRODUCER_LINK, Action, Schedule, Step
from suites.chaos.workload import Consumer, LoadOptions, Participant, Producer, sweep
from suites.harness.target import Capability, Target

#: After the faults: silence that means that nothing more will come, and the limit in any case.
STALL_SECONDS: Final = 3.0
DRAIN_SECONDS_MAX: Final = 15.0
#: The load goes on for at least this part of its time after the last step of a schedule.
_LOAD_AFTER: Final = 0.2

_ParticipantT = TypeVar("_ParticipantT", bound=Participant)


@dataclass(slots=True)
class Run:
    """What a case has while it runs.

    Attributes:
        target: a broker that runs.
        links: proxies to it by name; empty if clients connect without.
        recorder: takes the notes.
        uri: of the queue.
        seed: of everything random.
        seconds: of load.
        load: how much.
        schedule: what was done, for the report.
        problems: what the broker or a client did wrong that the checker does not see, in words.
        untouched: who lost no connection although there were faults.
        reconnections: of all sessions together.
    """

    target: Target
    links: Mapping[str, Proxy]
    recorder: Recorder
    uri: str
    seed: str
    seconds: float
    load: LoadOptions = field(default_factory=LoadOptions)
    schedule: Schedule | None = None
    problems: list[str] = field(default_factory=list)
    untouched: list[str] = field(default_factory=list)
    reconnections: int = 0
    _present: list[Participant] = field(default_factory=list)

    async def start_producers(self) -> list[Producer]:
        """Start as many as the load says."""
        producers = [self._new(Producer, f"p{n}") for n in range(self.load.producers)]
        for producer in producers:
            await producer.start(self._address(PRODUCER_LINK))
        return producers

    async def start_consumers(self, first: int = 0) -> list[Consumer]:
        """Start as many as the load says, numbered from `first`."""
        numbers = range(first, first + self.load.consumers)
        consumers = [self._new(Consumer, f"c{n}") for n in numbers]
        for consumer in consumers:
            await consumer.start(self._address(CONSUMER_LINK))
        return consumers

    def _address(self, link: str) -> str:
        """Where clients connect: to the link, if there is one."""
        return f"tcp://{self.links[link].listen}" if self.links else self.target.address

    def _new(self, kind: type[_ParticipantT], name: str) -> _ParticipantT:
        participant = kind(name, self.uri, self.load, self.recorder, self.seed)
        self._present.append(participant)
        return participant

    # Faults.

    async def under_load(self, schedule: Schedule) -> None:
        """Let the participants work while a schedule is carried out, and for the rest of the time.

        Raises:
            NemesisError: a step fails.
        """
        self.schedule = schedule
        end = time.monotonic() + self.seconds
        await self._nemesis().run(schedule)
        # This is how long the load lasts; nobody waits for a condition.
        await asyncio.sleep(max(end - time.monotonic(), self.seconds * _LOAD_AFTER))
        self.untouched += [
            participant.name
            for participant in self._present
            if not participant.client.reconnections and not participant.problem
        ]

    async def inflict(self, action: Action, target: str = NODE) -> None:
        """Do something now.

        Raises:
            NemesisError: it fails.
        """
        await self._nemesis().apply(Step(at_s=0, action=action, target=target))

    def _nemesis(self) -> Nemesis:
        is_ours = Capability.LIFECYCLE in self.target.capabilities
        nodes = {NODE: self.target} if is_ours else {}
        return Nemesis(self.recorder, links=self.links, nodes=nodes)

    # The end.

    async def stop_producing(self) -> None:
        """Let producers post no more; what is under way goes on."""
        for participant in self._present:
            if isinstance(participant, Producer):
                await participant.stop()

    async def wait_answered(self) -> None:
        """Wait until everything that was posted is acknowledged; it is a problem if not."""
        checker = self.recorder.checker
        if not await self._wait(lambda: checker.unanswered == 0):
            left = f"{checker.unanswered} posted messages were not answered after the faults"
            self.problems.append(f"{left}; {self._connections()}")

    async def wait_drained(self) -> None:
        """Wait until everything acknowledged was delivered and confirmed; a problem if not."""
        checker = self.recorder.checker
        if not await self._wait(lambda: checker.outstanding == 0):
            left = f"{checker.outstanding} messages were not delivered and confirmed in the end"
            self.problems.append(f"{left}; {self._connections()}")

    async def _wait(self, condition: Callable[[], bool]) -> bool:
        return await self.recorder.wait_until(
            condition, stall_s=STALL_SECONDS, limit_s=DRAIN_SECONDS_MAX
        )

    def _connections(self) -> str:
        states = {True: "connected", False: "NOT connected"}
        return ", ".join(f"{p.name} {states[p.client.is_connected]}" for p in self._present)

    async def part_with(self, participants: Sequence[Participant]) -> None:
        """End the sessions of some."""
        for participant in participants:
            self._present.remove(participant)
            await participant.leave()
            self.reconnections += participant.client.reconnections
            if participant.problem:
                self.problems.append(participant.problem)

    async def finish(self) -> None:
        """End all sessions and links, and see what is left in the queue."""
        await self.part_with(list(self._present))
        for proxy in self.links.values():
            # With it go connections that the broker may still believe in.
            await asyncio.to_thread(proxy.destroy)
        problem = await sweep(self.target.address, self.uri, self.recorder)
        if problem:
            self.problems.append(problem)

    async def abandon(self) -> None:
        """End all sessions, after a failure of the run."""
        await self.part_with(list(self._present))
