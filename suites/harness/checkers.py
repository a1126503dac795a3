"""Was every message delivered, as it was posted, once unless there was a reason, and in order?

`DeliveryChecker` judges the history of queues in priority mode, event by event, in constant time
for each. What it holds a broker to is at-least-once delivery to clients that reconnect:

| anomaly   | what happened                                                                       |
|-----------|-------------------------------------------------------------------------------------|
| lost      | acknowledged and never delivered, though a message posted after that acknowledgement|
|           | was delivered, in its turn, to a consumer that was alone (ANCHORS 3.2, lost-write)  |
| duplicate | delivered again without a reason, see below                                         |
| phantom   | delivered and never posted to that queue                                            |
| refused   | delivered although it was refused                                                   |
| corrupted | delivered with another payload than was posted, or with one that cannot be read     |
| reordered | on one stream, two messages of one producer in the wrong order, the later one not   |
|           | flagged as out of order by the broker                                               |

A **stream** is what lies between a consumer's `open` and the end of its `close`. It *ends well* if
the close was answered; then it was alive all the time, on both sides. It is *lost* if not, and
then nobody knows since when the broker has thought it dead. The broker gives a message to one
stream, and to another one only when that one is gone. Hence delivery on stream S of
what was delivered on stream R before

- is legal if R was lost, or ended well without a confirm of the message;
- is legal if the broker was restarted after R began and before S did: it promises to keep messages
  and not to remember who has them;
- is a duplicate if R is S;
- is a duplicate if R or S or both are still there and both end well in the end. If one of them is
  lost it is legal: either the broker dropped R before R noticed, or it dropped S before, and what
  R got was late in the network;
- is a duplicate, whatever became of R, if the confirm on R is *proven* to have reached the broker,
  and S was opened after the end of R, or ends well. Where S was open before and is lost, it is
  legal, for the delivery may be late.

A CONFIRM has no answer, so what **proves** one is that its stream ended well, because the broker
answers a close after all that came before it, or flow control: at most `window` messages of a
stream are unconfirmed, so when P were delivered on it, its first P - `window` confirms have arrived
(each confirm that may have come from elsewhere weakens this by one). A message that was confirmed
by another consumer than the last one that got it counts as not confirmed.

Verdicts: `invalid` if there is an anomaly. `unknown` if there is none but the history ends before
everything is decided: acknowledged messages that were not delivered and are not provably lost,
streams that did not end, or no acknowledgement at all. Else `valid`. **For a verdict on losses, end
a run with a sweep**: when all consumers are gone, at the broker too, one more opens, posts a
message and reads up to it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final

from suites.harness.delivery import (
    Anomaly,
    AnomalyKind,
    CheckResult,
    DeliveryCounts,
    Fate,
    MessageState,
    QueueState,
    Stream,
    Suspicion,
)
from suites.harness.history import Event, EventType, Function, HistoryError

__all__ = ["Anomaly", "AnomalyKind", "CheckResult", "DeliveryChecker", "DeliveryCounts"]

#: What a fault's value is when the broker was started again after a crash.
RESTART: Final = "restart"
#: Anomalies of a kind that are kept with their witnesses; all are counted.
WITNESSES_MAX: Final = 5


class DeliveryChecker:
    """Judge deliveries while they happen; the rules are those of the module."""

    def __init__(self) -> None:
        self.counts = DeliveryCounts()
        self._queues: dict[str, QueueState] = {}
        self._streams: dict[tuple[str, str], Stream] = {}  # by process and queue; not ended
        self._generation = 0
        self._held = 0
        self._suspected = 0
        self._anomalies: list[Anomaly] = []
        self._rules = {
            (Function.PUT, EventType.INVOKE): self._put,
            (Function.ACK, EventType.OK): self._ack,
            (Function.ACK, EventType.FAIL): self._ack,
            (Function.ACK, EventType.INFO): self._ack,
            (Function.OPEN, EventType.OK): self._open,
            (Function.PUSH, EventType.OK): self._push,
            (Function.CONFIRM, EventType.INVOKE): self._confirm,
            (Function.CLOSE, EventType.INVOKE): self._close,
            (Function.CLOSE, EventType.OK): self._end,
            (Function.CLOSE, EventType.INFO): self._end,
        }

    @property
    def outstanding(self) -> int:
        """How many messages are acknowledged but not delivered, or delivered but not confirmed."""
        return self._held + sum(len(queue.undelivered) for queue in self._queues.values())

    @property
    def unanswered(self) -> int:
        """How many messages wait for their acknowledgement."""
        counts = self.counts
        return counts.posted - counts.acknowledged - counts.refused - counts.unanswered

    def observe(self, event: Event) -> None:
        """Take note of the next record.

        Raises:
            HistoryError: the record does not fit those before it: a message posted twice under
                one value, something on a stream that is not open.
        """
        if event.function is Function.FAULT:
            self._generation += event.type is EventType.OK and event.value == RESTART
            return
        rule = self._rules.get((event.function, event.type))
        if rule is None:
            raise HistoryError(f"{event}: there is no {event.function} of type {event.type}")
        queue = self._queues.get(event.queue)
        if queue is None:
            queue = self._queues[event.queue] = QueueState()
        rule(queue, event)

    def result(self) -> CheckResult:
        """Return the verdict on what was observed so far."""
        losses, in_doubt = self._losses()
        anomalies = (*self._anomalies, *losses[:WITNESSES_MAX])
        found_kinds = self.counts.anomalies + Counter({AnomalyKind.LOST: len(losses)})
        counts = replace(self.counts, anomalies=found_kinds)
        if anomalies:
            found = ", ".join(f"{count} {kind}" for kind, count in counts.anomalies.items())
            reason = f"{found}; {anomalies[0].summary}"
            return CheckResult("invalid", reason, anomalies, counts)
        if not counts.acknowledged:
            return CheckResult("unknown", "no message was acknowledged", (), counts)
        if in_doubt:
            reason = f"{in_doubt} acknowledged messages were not delivered before the history ended"
            return CheckResult("unknown", reason, (), counts)
        if self._suspected:
            reason = f"{self._suspected} deliveries would be duplicates if their streams end well"
            return CheckResult("unknown", reason, (), counts)
        return CheckResult("valid", "", (), counts)

    def _losses(self) -> tuple[list[Anomaly], int]:
        """Return what is lost, and how many more acknowledged messages were not delivered."""
        losses: list[Anomaly] = []
        in_doubt = 0
        for queue in self._queues.values():
            sweeper = queue.swept_by
            for value, message in queue.undelivered.items():
                assert message.ack is not None, message.put
                if sweeper is None or message.ack.index > sweeper[0].index:
                    in_doubt += 1
                    continue
                text = f"{value} was acknowledged and never delivered"
                summary = f"{text}; {sweeper[0].value}, posted later, was"
                events = (message.put, message.ack, *sweeper)
                losses.append(Anomaly(AnomalyKind.LOST, summary, events))
        return losses, in_doubt

    def _found(self, anomaly: Anomaly) -> None:
        self.counts.anomalies[anomaly.kind] += 1
        if self.counts.anomalies[anomaly.kind] <= WITNESSES_MAX:
            self._anomalies.append(anomaly)

    # Producers.

    def _put(self, queue: QueueState, event: Event) -> None:
        if not event.value or event.value in queue.messages:
            raise HistoryError(f"{event}: a message needs a value of its own in its queue")
        queue.messages[event.value] = MessageState(event)
        self.counts.posted += 1

    def _ack(self, queue: QueueState, event: Event) -> None:
        message = queue.messages.get(event.value)
        if message is None or message.ack is not None:
            raise HistoryError(f"{event}: there is no such message that waits for an answer")
        message.ack = event
        if event.type is EventType.OK:
            self.counts.acknowledged += 1
            if message.push is None:
                queue.undelivered[event.value] = message
        elif event.type is EventType.FAIL:
            self.counts.refused += 1
            if message.push is not None:
                self._refused(message, message.push)
        else:
            self.counts.unanswered += 1

    def _refused(self, message: MessageState, push: Event) -> None:
        assert message.ack is not None, message.put
        summary = f"{push.value} was refused and yet delivered to {push.process}"
        events = sorted([message.put, message.ack, push], key=_index)
        self._found(Anomaly(AnomalyKind.REFUSED, summary, tuple(events)))

    # Streams.

    def _open(self, queue: QueueState, event: Event) -> None:
        key = (event.process, event.queue)
        if key in self._streams:
            raise HistoryError(f"{event}: the stream before it has not ended")
        queue.opened += 1
        was_alone = not any(uri == event.queue for _, uri in self._streams)
        self._streams[key] = Stream(event, queue.opened, self._generation, was_alone=was_alone)

    def _close(self, _: QueueState, event: Event) -> None:
        self._stream(event).fate = Fate.CLOSING

    def _end(self, _: QueueState, event: Event) -> None:
        stream = self._stream(event)
        del self._streams[event.process, event.queue]
        stream.ended_at = event.index
        ends_well = event.type is EventType.OK
        stream.fate = Fate.WELL if ends_well else Fate.LOST
        stream.last.clear()
        for suspicion in stream.suspicions:
            self._settle(suspicion, ends_well=ends_well)
        stream.suspicions.clear()

    def _stream(self, event: Event) -> Stream:
        stream = self._streams.get((event.process, event.queue))
        if stream is None:
            raise HistoryError(f"{event}: {event.process} has no stream open from {event.queue}")
        return stream

    def _settle(self, suspicion: Suspicion, *, ends_well: bool) -> None:
        if not suspicion.is_open:
            return
        suspicion.waits_for -= 1
        if ends_well and suspicion.waits_for:
            return
        suspicion.is_open = False
        self._suspected -= 1
        if ends_well:
            self._found(suspicion.anomaly)

    # Deliveries.

    def _push(self, queue: QueueState, event: Event) -> None:
        stream = self._stream(event)
        stream.pushes += 1
        self.counts.deliveries += 1
        message = queue.messages.get(event.value)
        if message is None:
            self._strange(event)
            return
        if event.digest != message.put.digest:
            summary = f"{event.value} was delivered with another payload than was posted"
            self._found(Anomaly(AnomalyKind.CORRUPTED, summary, (message.put, event)))
        if message.push is None:
            self.counts.delivered += 1
            queue.undelivered.pop(event.value, None)
            if message.ack is not None and message.ack.type is EventType.FAIL:
                self._refused(message, event)
        else:
            self._redelivery(message, stream, event)
        if not event.is_redelivered:
            self._in_turn(queue, message, stream, event)
        message.push = event
        message.stream = stream
        self._held += not message.is_held
        message.is_held = True

    def _strange(self, event: Event) -> None:
        if event.value:
            kind, what = AnomalyKind.PHANTOM, f"{event.value}, which nobody posted,"
        else:
            kind, what = AnomalyKind.CORRUPTED, f"a payload that cannot be read ({event.guid})"
        summary = f"{what} was delivered to {event.process}"
        self._found(Anomaly(kind, summary, (event,)))

    def _redelivery(self, message: MessageState, stream: Stream, event: Event) -> None:
        """Judge the delivery of what was delivered before."""
        self.counts.redelivered += 1
        before, push = message.stream, message.push
        assert before is not None, event
        assert push is not None, event
        if message.confirm is not None and stream.window:
            stream.window += 1  # whoever confirmed it may free room on this stream, too
        if before is stream:
            self._found(_duplicate(message, event, "twice on one stream"))
        elif message.is_confirm_proven:
            self._redelivery_of_confirmed(message, stream, event)
        elif before.generation < stream.generation or before.fate in {Fate.LOST, Fate.WELL}:
            pass
        elif before.fate is Fate.LIVE or message.confirm_stream is before:
            how = f"to {event.process} while {push.process} had it"
            self._suspect(_duplicate(message, event, how), {before, stream})

    def _redelivery_of_confirmed(self, message: MessageState, stream: Stream, event: Event) -> None:
        confirmed_on = message.confirm_stream
        assert confirmed_on is not None, event
        anomaly = _duplicate(message, event, "after its confirm had reached the broker")
        if confirmed_on.generation < stream.generation:
            return
        if 0 <= confirmed_on.ended_at < stream.opened_at:
            self._found(anomaly)
        else:
            self._suspect(anomaly, {stream})

    def _suspect(self, anomaly: Anomaly, streams: set[Stream]) -> None:
        Suspicion(anomaly, streams)
        self._suspected += 1

    def _in_turn(
        self, queue: QueueState, message: MessageState, stream: Stream, event: Event
    ) -> None:
        """Judge the place of a delivery that the broker does not call out of order."""
        put = message.put
        last = stream.last.get(put.process)
        if last is not None and put.index < last[0].index:
            summary = f"{event.value} came after {last[0].value} but was posted before it"
            events = (put, *last, event)
            self._found(Anomaly(AnomalyKind.REORDERED, summary, events))
            return
        stream.last[put.process] = (put, event)
        is_alone = stream.was_alone and stream.number == queue.opened
        if is_alone and (queue.swept_by is None or queue.swept_by[0].index < put.index):
            queue.swept_by = (put, event)

    def _confirm(self, queue: QueueState, event: Event) -> None:
        message = queue.messages.get(event.value)
        if message is None:
            return  # a phantom, which was reported when it came
        if message.stream is None:
            raise HistoryError(f"{event}: it was not delivered")
        self.counts.confirmed += message.confirm is None
        self._held -= message.is_held
        message.is_held = False
        message.confirm = event
        stream = self._streams.get((event.process, event.queue))
        if message.stream is not stream:
            message.stream.window += message.stream.window > 0
        elif message.confirm_stream is not stream:
            stream.confirms += 1
            message.confirm_number = stream.confirms
            message.confirm_stream = stream


def _duplicate(message: MessageState, event: Event, how: str) -> Anomaly:
    known = (message.put, message.push, message.confirm, event)
    events = sorted((event for event in known if event is not None), key=_index)
    summary = f"{event.value} was delivered {how}"
    return Anomaly(AnomalyKind.DUPLICATE, summary, tuple(events))


def _index(event: Event) -> int:
    return event.index
