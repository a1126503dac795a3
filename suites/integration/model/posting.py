"""Acts about messages: posting, confirming, and what must not be accepted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from reference_broker.wire import (
    FLAG_ACK_REQUESTED,
    EventType,
    Put,
    confirm_event,
    correlation_guid,
    event_header,
    pad,
    put_event,
    put_message,
)
from suites.integration.model.bench import Bench, Client, Handle
from suites.integration.model.checking import AckDue, Due
from suites.integration.model.content import CONTENTS, Content
from suites.integration.model.flow import Stream
from suites.integration.model.queue import Message, Queue

_UNKNOWN: Final = 5
_NACKED: Final = frozenset({_UNKNOWN})
_STRANGE_Q_ID: Final = 6
#: Messages that are not accepted.
BAD_KINDS: Final = ("crc", "guid", "queue", "compression", "empty")


class _Post:
    """Messages on their way: the PUTs and what is due for them."""

    def __init__(self, bench: Bench, client: Client) -> None:
        self._bench = bench
        self._client = client
        self._acks: list[AckDue] = []
        self.puts: list[Put] = []
        self.due = Due()
        self.due.acks[client.line.slot] = self._acks

    def add(
        self, handle: Handle, content: Content, guid: bytes | None = None, *, is_asked: bool
    ) -> None:
        """Add a message, new or, with the GUID of another one, posted again."""
        queue, now = handle.queue, self._bench.driver.now
        form = content.sent
        flags = form.flags | (FLAG_ACK_REQUESTED if is_asked else 0)
        key: bytes | int
        if self._client.line.makes_guids:
            key = field = guid or self._bench.new_guid()
            statuses, is_known = queue.statuses(key, content, now)
        else:
            key = self._client.next_correlation
            self._client.next_correlation += 1
            field, is_asked = correlation_guid(key), True
            statuses, is_known = queue.statuses(None, content, now)
        stored = None
        if not is_known and 0 in statuses:
            known = key if isinstance(key, bytes) else None
            message = queue.store(known, content, now)
            stored = (queue, message)
            if queue.domain.plan.mode == "broadcast":
                self.due.broadcast.append(stored)
        put = Put(handle.q_id, field, form.data, flags, form.compression, int(form.is_new_style))
        self.puts.append(put)
        self._acks.append(AckDue(key, handle.q_id, frozenset(statuses), is_asked, stored))

    def refuse(self, put: Put) -> None:
        """Add a message that must be refused."""
        self.puts.append(put)
        self._acks.append(AckDue(put.guid, put.queue_id, _NACKED, is_asked=True))


def post(
    bench: Bench,
    client: Client,
    handles: Sequence[Handle],
    contents: Sequence[int],
    *,
    is_asked: bool = True,
) -> None:
    """Post messages as one event, to the queues in turn."""
    posting = _Post(bench, client)
    for index, number in enumerate(contents):
        content = CONTENTS[number % len(CONTENTS)]
        posting.add(handles[index % len(handles)], content, is_asked=is_asked)
    bench.act(client.line.slot, put_event(posting.puts), posting.due)


def post_again(
    bench: Bench, client: Client, handle: Handle, message: Message, *, is_asked: bool, twice: bool
) -> None:
    """Post a message that was posted before, between two new ones, or twice."""
    posting = _Post(bench, client)
    posting.add(handle, CONTENTS[0], is_asked=True)
    for _ in range(2 if twice else 1):
        posting.add(handle, message.content, message.guid, is_asked=is_asked)
    posting.add(handle, CONTENTS[1], is_asked=True)
    bench.act(client.line.slot, put_event(posting.puts), posting.due)


def post_bad(bench: Bench, client: Client, handle: Handle, kind: str) -> None:
    """Post a message that must not be accepted, and a good one before it."""
    posting = _Post(bench, client)
    posting.add(handle, CONTENTS[0], is_asked=True)
    good = put_message(posting.puts[0])
    guid = bench.new_guid()
    bad = Put(handle.q_id, guid, b"bad", 0)
    if kind == "guid":
        bad = bad._replace(guid=bytes(16))
    elif kind == "queue":
        bad = bad._replace(queue_id=_STRANGE_Q_ID)
    elif kind == "compression":
        bad = bad._replace(compression=5)
    crc = 1 if kind == "crc" else None
    data = put_message(bad, crc)
    if kind == "empty":  # no answer, and the rest of the event is dropped
        data = put_message(bad)[:36] + pad(b"") + put_message(bad)
        data = data[:3] + bytes([10]) + data[4:]
    else:
        posting.refuse(bad)
    body = good + data
    event = event_header(EventType.PUT, len(body)) + body
    bench.act(client.line.slot, event, posting.due)


def post_to_closed(bench: Bench, client: Client, handle: Handle) -> None:
    """Post a message to a queue that is open for reading alone."""
    posting = _Post(bench, client)
    posting.refuse(Put(handle.q_id, bench.new_guid(), b"not for readers", FLAG_ACK_REQUESTED))
    bench.act(client.line.slot, put_event(posting.puts), posting.due)


def confirm(
    bench: Bench, client: Client, handle: Handle, stream: Stream, messages: Sequence[Message]
) -> None:
    """Confirm messages as one event, whether the stream has got them or not."""
    entries = []
    for message in messages:
        guid = message.guid or bytes(16)
        entries.append((handle.q_id, guid, stream.sub_id))
        if handle.queue.latest.get(guid) is message:
            handle.queue.confirm(stream.app, message, bench.driver.now)
    stream.release(list(messages))
    bench.act(client.line.slot, confirm_event(entries), Due())


def confirm_strange(bench: Bench, client: Client, queue: Queue, kind: int) -> None:
    """Confirm what is not there: it is ignored."""
    message = next((each.guid for each in queue.stored if each.guid is not None), bytes(16))
    handle = client.handles.get(queue.number)
    q_id = handle.q_id if handle is not None and kind else _STRANGE_Q_ID
    guid = message if kind != 1 else b"\x41" * 16
    sub_id = 9 if kind == 2 else 0
    bench.act(client.line.slot, confirm_event([(q_id, guid, sub_id)]), Due())
