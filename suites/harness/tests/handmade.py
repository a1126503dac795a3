"""A history made by hand, one line an event; what the tests of the checkers are written in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from suites.harness.checkers import AnomalyKind, DeliveryChecker, DeliveryCounts
from suites.harness.history import EventType, Function, HistoryWriter

QUEUE = "bmq://gauntlet.mem/q"


class Run:
    """A history made by hand: `a` and `b` are consumers, messages are named `producer:number`."""

    def __init__(self, path: Path) -> None:
        self.checker = DeliveryChecker()
        self.history = HistoryWriter(path, clock=iter(range(10**6)).__next__)

    def note(
        self,
        function: Function,
        event_type: EventType,
        process: str,
        value: str = "",
        queue: str = QUEUE,
        **fields: Any,
    ) -> None:
        event = self.history.append(
            function, event_type, process, queue=queue, value=value, **fields
        )
        self.checker.observe(event)

    def put(self, *values: str, acked: bool = True) -> None:
        for value in values:
            producer = value.partition(":")[0]
            self.note(Function.PUT, EventType.INVOKE, producer, value, digest=f"of {value}")
            if acked:
                self.ack(value)

    def ack(self, value: str, event_type: EventType = EventType.OK) -> None:
        self.note(Function.ACK, event_type, value.partition(":")[0], value)

    def open(self, *processes: str, window: int = 100) -> None:
        for process in processes:
            self.note(Function.OPEN, EventType.OK, process, window=window)

    def push(
        self, process: str, *values: str, flagged: bool = False, digest: str | None = None
    ) -> None:
        for value in values:
            self.note(
                Function.PUSH,
                EventType.OK,
                process,
                value,
                digest=f"of {value}" if digest is None else digest,
                is_redelivered=flagged,
            )

    def confirm(self, process: str, *values: str) -> None:
        for value in values:
            self.note(Function.CONFIRM, EventType.INVOKE, process, value)

    def take(self, process: str, *values: str, flagged: bool = False) -> None:
        self.push(process, *values, flagged=flagged)
        self.confirm(process, *values)

    def closing(self, process: str) -> None:
        self.note(Function.CLOSE, EventType.INVOKE, process)

    def close(self, *processes: str) -> None:
        for process in processes:
            self.closing(process)
            self.note(Function.CLOSE, EventType.OK, process)

    def lose(self, *processes: str) -> None:
        for process in processes:
            self.note(Function.CLOSE, EventType.INFO, process)

    def fault(self, value: str, event_type: EventType = EventType.OK) -> None:
        self.note(Function.FAULT, event_type, "nemesis", value, queue="")

    def crash(self) -> None:
        """Kill the broker and start it again."""
        self.fault("kill")
        self.fault("restart")

    def sweep(self) -> None:
        """Show what is left in the queue to one consumer."""
        self.open("sweep")
        self.put("sweep:1")
        self.take("sweep", "sweep:1")
        self.close("sweep")

    def valid(self) -> DeliveryCounts:
        result = self.checker.result()
        assert (result.verdict, result.reason, result.anomalies) == ("valid", "", ())
        return result.counts

    def unknown(self, reason: str) -> None:
        result = self.checker.result()
        assert (result.verdict, result.anomalies) == ("unknown", ())
        assert reason in result.reason

    def invalid(self, kind: AnomalyKind, indices: list[int], summary: str) -> None:
        """Exactly one anomaly, with these records as its witness."""
        result = self.checker.result()
        assert result.verdict == "invalid"
        assert [anomaly.kind for anomaly in result.anomalies] == [kind]
        assert result.counts.anomalies == {kind: 1}
        assert [event.index for event in result.anomalies[0].events] == indices
        assert summary in result.anomalies[0].summary
        assert result.reason == f"1 {kind}; {result.anomalies[0].summary}"


def confirms_and_is_cut_off(run: Run, pushes: int) -> None:
    """Consumer a, of at most two unconfirmed messages, confirms the first and gets some more."""
    run.open("a", window=2)
    run.put("p:1", "p:2", "p:3")  # 1 to 6
    run.push("a", "p:1")  # 7
    run.confirm("a", "p:1")  # 8
    run.push("a", *["p:2", "p:3"][: pushes - 1])
    run.lose("a")
    run.open("b")
