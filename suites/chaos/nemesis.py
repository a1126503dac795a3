"""The nemesis: does to links and nodes what a schedule says, and notes it in the history.

Links are proxies of a Toxiproxy server, driven by `toxiproxy-python`; nodes are targets. Both block,
so they are called in threads. Every step is bounded in time, and the end of a fault is checked:
a proxy that does not come back is a failure of the run and not of the broker.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

from toxiproxy import Toxiproxy
from toxiproxy.proxy import Proxy

from reference_broker.base import OperatorError
from suites.chaos.recorder import Recorder
from suites.chaos.schedule import STREAMS, Action, Schedule, Step
from suites.harness.history import EventType, Function
from suites.harness.target import Target

STEP_SECONDS_MAX: Final = 30.0
#: Another process may have taken the port of a proxy that was disabled; mostly it soon lets go.
_ENABLE_ATTEMPTS_MAX: Final = 50
_ENABLE_PAUSE_S: Final = 0.1
_PROCESS: Final = "nemesis"


class NemesisError(OperatorError):
    """A fault could not be brought about, or could not be ended."""


class Nemesis:
    """Bring faults about.

    Args:
        recorder: where they are noted.
        links: name to proxy.
        nodes: name to target; it can be killed and started.
    """

    def __init__(
        self,
        recorder: Recorder,
        *,
        links: Mapping[str, Proxy] | None = None,
        nodes: Mapping[str, Target] | None = None,
    ) -> None:
        self._recorder = recorder
        self._links = links or {}
        self._nodes = nodes or {}

    async def run(self, schedule: Schedule) -> None:
        """Carry out a schedule; its time starts now.

        Raises:
            NemesisError: a step fails.
        """
        started = time.monotonic()
        for step in schedule.steps:
            # This paces the faults; nobody waits for a condition.
            await asyncio.sleep(max(0.0, started + step.at_s - time.monotonic()))
            await self.apply(step)

    async def apply(self, step: Step) -> None:
        """Carry out a step now, whatever its time.

        Raises:
            NemesisError: it fails, or takes more than 30 s.
        """
        act = self._act(step)
        self._recorder.note(Function.FAULT, EventType.INVOKE, _PROCESS, value=step.action)
        try:
            async with asyncio.timeout(STEP_SECONDS_MAX):
                await asyncio.to_thread(act)
        except Exception as error:
            self._recorder.note(Function.FAULT, EventType.FAIL, _PROCESS, value=step.action)
            what = str(error) or type(error).__name__
            raise NemesisError(f"'{step}' failed: {what}") from error
        self._recorder.note(Function.FAULT, EventType.OK, _PROCESS, value=step.action)

    def _act(self, step: Step) -> Callable[[], object]:
        places: Mapping[str, object] = self._links
        if step.action in {Action.KILL, Action.RESTART}:
            places = self._nodes
        if step.target not in places:
            known = ", ".join(places) or "none"
            raise NemesisError(
                f"'{step}': there is no {step.target!r} to do that to; known: {known}"
            )
        match step.action:
            case Action.KILL:
                return self._nodes[step.target].kill
            case Action.RESTART:
                return self._nodes[step.target].restart
            case Action.HEAL:
                return lambda: _heal(self._links[step.target])
            case Action.CUT:
                return lambda: _cut(self._links[step.target])
            case Action.BLACK_HOLE:
                stream = step.parameters["stream"]
                return lambda: _swallow(self._links[step.target], stream)
            case Action.RESET_PEER:
                timeout_ms = step.parameters["timeout_ms"]
                return lambda: _reset(self._links[step.target], timeout_ms)


def _cut(proxy: Proxy) -> None:
    """Drop all connections of a link, and refuse new ones."""
    proxy.disable()


def _swallow(proxy: Proxy, stream: object) -> None:
    """Let no byte through in one direction of a link."""
    proxy.add_toxic(type="timeout", stream=stream, attributes={"timeout": 0})


def _reset(proxy: Proxy, timeout_ms: object) -> None:
    """Reset the connections of a link, whichever end speaks next."""
    for stream in STREAMS:
        proxy.add_toxic(type="reset_peer", stream=stream, attributes={"timeout": timeout_ms})


def _heal(proxy: Proxy) -> None:
    """Drop all connections of a link, and let it be one without toxics."""
    proxy.disable()
    for name in proxy.toxics():
        proxy.destroy_toxic(name)
    for _ in range(_ENABLE_ATTEMPTS_MAX):
        proxy.enable()
        # The library believes that it worked, whatever the server answers.
        state = Toxiproxy().get_proxy(proxy.name)
        if state is not None and state.enabled:
            return
        time.sleep(_ENABLE_PAUSE_S)
    raise NemesisError(f"the proxy cannot listen on {proxy.listen} again")
