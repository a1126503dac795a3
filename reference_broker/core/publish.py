"""PUT events: check, store, acknowledge.

Messages are taken in runs: neighbours in one event for the same queue. A run is posted, logged
and acknowledged as a whole. The bytes of the event go to the log as they came, as long as every
message of the run is the usual one: 36 bytes of header, no options. Where a message will be in the
log is then known before it is there.

What happens to a message:

| what is wrong                                             | answer                           |
|-----------------------------------------------------------|----------------------------------|
| it cannot be parsed, or old-style data do not decompress   | none; the rest of the event goes |
| queue not open, not for writing, unset GUID, bad options   | NACK 5                           |
| the CRC does not match (the peer does not look)            | NACK 5                           |
| a compression that does not exist (consumers would choke)  | NACK 5                           |
| a limit is reached                                         | NACK 1 or 2                      |
| the GUID is stored, or was lately                          | ACK, not stored again            |

An ACK goes out if it was asked for [ACK-1, ACK-2]; a NACK always [ACK-3]; never both [ACK-4].
Producers without GUIDs get one made here, and are acknowledged if their correlation id is not 0
[GUID-4]. Data are never changed, but for what is said in `_decompressed` [PUT-3].
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from reference_broker.base import UNSET_GUID, WireError
from reference_broker.base.limits import EVENT_DECOMPRESSED_BYTES_MAX, RUN_BYTES_MAX
from reference_broker.core.alarms import raise_capacity_alarms
from reference_broker.core.context import Context
from reference_broker.core.journal import JournalKeeper
from reference_broker.core.state import Handle, QueueEntry, Session
from reference_broker.ports import Severity
from reference_broker.queue import Message, Refusal
from reference_broker.storage import STORED_HEADER_SIZE
from reference_broker.wire import (
    FLAG_ACK_REQUESTED,
    FLAG_MESSAGE_PROPERTIES,
    PADDING,
    AckStatus,
    Compression,
    DecompressionLimitError,
    Event,
    Put,
    PutTuple,
    ack_event,
    correlation_id_of,
    crc32c,
    decompress,
    iter_puts,
    put_message,
    success_acks,
)
from reference_broker.wire.options import decode_options

#: [ACK-8, ACK-9, ACK-10]
_STATUS: Final = {
    Refusal.LIMIT_MESSAGES: AckStatus.LIMIT_MESSAGES,
    Refusal.LIMIT_BYTES: AckStatus.LIMIT_BYTES,
    Refusal.DUPLICATE: AckStatus.SUCCESS,
}


class _Run:
    """Neighbouring messages of one event for one queue."""

    __slots__ = (
        "acked", "base", "correlations", "end", "first_ordinal", "handle", "is_verbatim",
        "messages", "size", "start",
    )  # fmt: skip

    def __init__(self, handle: Handle, start: int, location: int) -> None:
        self.handle = handle
        self.first_ordinal = handle.entry.queue.next_ordinal
        #: Location of the event's byte 0, were it in the log; None for a run that is not logged.
        self.base = location - start if location else None
        self.start = start  # indices into the event's buffer
        self.end = start
        self.messages: list[Message] = []
        self.size = 0  # bytes of application data with padding
        #: GUIDs of those that want an ACK.
        self.acked: list[bytes] = []
        #: GUID to correlation id, for producers that make no GUIDs.
        self.correlations: dict[bytes, int] = {}
        #: Whether the stored messages are the bytes between start and end.
        self.is_verbatim = True


class Publisher:
    """Take PUT events from sessions."""

    def __init__(self, context: Context, journal: JournalKeeper) -> None:
        self._context = context
        self._journal = journal
        #: Bytes that the messages of the event at hand may still decompress to.
        self._inflatable = 0

    def handle(self, session: Session, event: Event) -> None:
        """Take one PUT event, for any number of queues [PUT-2].

        What is refused takes nothing else with it [PUT-19]. What cannot be read ends the event, but
        neither what came before [PUT-8] nor the session [PUT-9].
        """
        run: _Run | None = None
        nacks: list[tuple[int, int, bytes, int]] = []
        first_problem = ""
        self._inflatable = EVENT_DECOMPRESSED_BYTES_MAX
        buffer = event.buffer
        view = memoryview(buffer)
        puts = iter_puts(buffer, event.start, event.end)
        try:
            for put in puts:
                queue_id, guid = put[2], put[3]
                if run is None or run.handle.queue_id != queue_id:
                    self._finish(session, run, buffer)
                    run = self._begin(session, queue_id, put[10])
                if run is None:
                    nacks.append(_nack(session, put))
                    first_problem = first_problem or "the queue is not open for writing"
                    continue
                # The usual message is taken here; everything else is looked at more closely.
                if (
                    put[6] == put[7] == put[10] + STORED_HEADER_SIZE
                    and not (put[1] and put[0] & FLAG_MESSAGE_PROPERTIES)
                    and put[1] < 2
                    and session.makes_guids
                    and guid != UNSET_GUID
                    and crc32c(view[put[7] : put[8]]) == put[4]
                ):
                    self._take(run, put, buffer)
                elif problem := self._take_unusual(session, run, put, buffer):
                    nacks.append(_nack(session, put))
                    first_problem = first_problem or problem
                    run.is_verbatim = False
        except WireError as error:
            self._context.note(Severity.WARN, f"{session}: rest of a PUT event dropped: {error}")
        self._finish(session, run, buffer)
        if nacks:
            self._context.send(session, ack_event(nacks))
            self._report(session, nacks, first_problem)

    def _begin(self, session: Session, queue_id: int, start: int) -> _Run | None:
        """Begin a run; None if the queue is not open [PUT-16], or not for writing [PUT-17]."""
        handle = session.handles.get(queue_id)
        if handle is None or not handle.is_writer:
            return None
        entry = handle.entry
        location = self._context.log_of(entry).next_location() if entry.is_logged else 0
        return _Run(handle, start, location)

    def _take(self, run: _Run, put: PutTuple, buffer: bytes) -> None:
        flags, compression, _, guid, _, schema, _, data_start, data_end, message_end, start = put
        run.messages.append(
            (
                guid,
                flags & FLAG_MESSAGE_PROPERTIES,
                compression << 16 | schema,
                buffer[data_start:message_end],
                data_end - data_start,
                run.first_ordinal + len(run.messages),
                0 if run.base is None else run.base + start,
            )
        )
        run.end = message_end
        run.size += message_end - data_start
        if flags & FLAG_ACK_REQUESTED:
            run.acked.append(guid)

    def _take_unusual(
        self, session: Session, run: _Run, put: PutTuple, buffer: bytes
    ) -> str | None:
        """Take a message that is not the usual one, or say why not; then it is not stored [PUT-20].

        Looked at are its CRC [CRC-2], compression [COMP-7], options, GUID [PUT-18, GUID-1], and
        what old-style data decompress to [COMP-6]; not its properties [PROP-6], nor new-style data
        [COMP-2, COMP-3].
        """
        flags, compression, _, guid, crc, schema, options, start, end, _, _ = put
        if crc32c(buffer[start:end]) != crc:
            return f"CRC-32C of the application data is not {crc:08x}"
        if compression > Compression.ZLIB:
            return f"compression {compression} does not exist"
        if options != start:
            try:
                decode_options(buffer, options, start)
            except WireError as error:
                return str(error)
        if start - put[10] != STORED_HEADER_SIZE:
            run.is_verbatim = False
        if session.makes_guids and guid == UNSET_GUID:
            return "the GUID is unset"
        if not session.makes_guids:
            put = self._give_guid(run, put)
        if compression and flags & FLAG_MESSAGE_PROPERTIES and not schema:
            try:
                put, buffer = _decompressed(put, buffer[start:end], self._inflatable)
            except DecompressionLimitError as error:
                return f"{error}; one event's data together {EVENT_DECOMPRESSED_BYTES_MAX}"
            self._inflatable -= put[8]
            run.is_verbatim = False
        self._take(run, put, buffer)
        return None

    def _give_guid(self, run: _Run, put: PutTuple) -> PutTuple:
        """Return the message with a GUID of ours [GUID-2], which its ACK will tell [GUID-3]."""
        correlation = correlation_id_of(put[3])
        guid = self._context.guids.next(self._context.wall_ns)
        flags = put[0] & ~FLAG_ACK_REQUESTED
        if correlation:
            flags |= FLAG_ACK_REQUESTED
            run.correlations[guid] = correlation
        run.is_verbatim = False
        return (flags, put[1], put[2], guid, *put[4:])

    def _report(
        self, session: Session, nacks: list[tuple[int, int, bytes, int]], first_problem: str
    ) -> None:
        """Tell the operator of refused messages: once per event, however many they are."""
        _, _, guid, queue_id = nacks[0]
        self._context.note(
            Severity.WARN,
            f"{session}: {len(nacks)} messages refused; the first: {first_problem}",
            guid=guid.hex().upper(),
            queue_id=queue_id,
        )

    # A run is complete.

    def _finish(self, session: Session, run: _Run | None, buffer: bytes) -> None:
        if run is None or not run.messages:
            return
        context = self._context
        entry = run.handle.entry
        entry.queue.expire_history(context.now)
        if entry.is_logged and not self._journal.admits(entry, len(run.messages)):
            self._refuse(session, run)
            return
        refused: list[tuple[bytes, Refusal]] = []
        for messages in self._parts(run):
            outcome = entry.queue.post(messages, context.wall_ns, context.now)
            refused += outcome.refused
            if outcome.stored and entry.is_logged:
                self._journal.stored(entry, len(outcome.stored))
                is_all = len(outcome.stored) == len(run.messages)
                if is_all and run.is_verbatim:
                    chunk = buffer[run.start : run.end]
                    count = len(outcome.stored)
                    self._append(entry, run.first_ordinal, [chunk], count, outcome.skipped)
                else:
                    self._log_again(entry, outcome.stored, outcome.skipped)
        context.dirty[entry] = None
        self._count(entry, run, refused)
        acks = self._acks(run, refused)
        if acks:
            context.send(session, acks, is_durable=entry.is_synced)

    def _refuse(self, session: Session, run: _Run) -> None:
        """Refuse a run, because the log has no room for it [ACK-11]."""
        counters = run.handle.entry.counters
        counters.nack_messages += len(run.messages)
        status, queue_id = AckStatus.STORAGE_FAILURE, run.handle.queue_id
        acks = [(status, run.correlations.get(m[0], 0), m[0], queue_id) for m in run.messages]
        self._context.send(session, ack_event(acks))

    def _count(self, entry: QueueEntry, run: _Run, refused: list[tuple[bytes, Refusal]]) -> None:
        counters = entry.counters
        messages = len(run.messages)
        nacked = sum([_STATUS[refusal] is not AckStatus.SUCCESS for _, refusal in refused])
        counters.put_messages += messages
        counters.put_bytes += sum([message[4] for message in run.messages])
        counters.ack_messages += messages - nacked
        counters.nack_messages += nacked
        usage = entry.queue.usage
        counters.note_content(usage.messages, usage.bytes)
        raise_capacity_alarms(self._context, entry)

    def _parts(self, run: _Run) -> Iterator[list[Message]]:
        """Yield the messages of a run in parts, each small enough for one record of the log."""
        if run.size <= RUN_BYTES_MAX:
            yield run.messages
            return
        run.is_verbatim = False
        part: list[Message] = []
        size = 0
        for message in run.messages:
            if part and size + len(message[3]) > RUN_BYTES_MAX:
                yield _renumbered(run, part)
                part, size = [], 0
            part.append(message)
            size += len(message[3])
        yield _renumbered(run, part)

    def _log_again(
        self, entry: QueueEntry, stored: list[Message], skipped: dict[int, list[int]]
    ) -> None:
        """Log messages that are not the bytes of the event, and note where they are."""
        log = self._context.log_of(entry)
        # Neighbours in the queue share a record: it names only the first one's ordinal.
        for _, group in groupby(enumerate(stored), key=lambda item: item[1][5] - item[0]):
            messages = [message for _, message in group]
            location = log.next_location()
            for message in messages:
                entry.queue.store.move(message[5], location)
                location += STORED_HEADER_SIZE + len(message[3])
            chunks = [stored_bytes(message) for message in messages]
            first, last = messages[0][5], messages[-1][5]
            skips = {
                app: [ordinal for ordinal in ordinals if first <= ordinal <= last]
                for app, ordinals in skipped.items()
            }
            self._append(entry, first, chunks, len(messages), skips)

    def _append(
        self,
        entry: QueueEntry,
        first: int,
        chunks: list[bytes],
        count: int,
        skipped: dict[int, list[int]],
    ) -> None:
        """Log messages, and which of them apps' filters turn away: a crash must not part them."""
        context, log = self._context, self._context.log_of(entry)
        effects = log.append_puts(entry.number, context.wall_ns, first, chunks, count, skipped)
        context.add(*effects)
        if entry.is_synced:
            context.want_sync()

    def _acks(self, run: _Run, refused: list[tuple[bytes, Refusal]]) -> bytes:
        """Return the answers to a run, each with GUID [ACK-5], qId [ACK-6] and correlation id."""
        queue_id = run.handle.queue_id
        if not refused and not run.correlations:
            return success_acks(run.acked, queue_id) if run.acked else b""
        status = {guid: _STATUS[refusal] for guid, refusal in refused}
        asked = set(run.acked)
        nacked = [g for g, _ in refused if g not in asked and status[g] is not AckStatus.SUCCESS]
        acks = [
            (status.get(guid, AckStatus.SUCCESS), run.correlations.get(guid, 0), guid, queue_id)
            for guid in [*run.acked, *nacked]
        ]
        return ack_event(acks) if acks else b""


def _renumbered(run: _Run, part: list[Message]) -> list[Message]:
    ordinal = run.handle.entry.queue.next_ordinal
    return [(*m[:5], ordinal + index, m[6]) for index, m in enumerate(part)]


def _decompressed(put: PutTuple, data: bytes, bytes_max: int) -> tuple[PutTuple, bytes]:
    """Return an old-style message in plain form, in a buffer of its own [COMP-1].

    Raises:
        WireError: the data do not decompress.
        DecompressionLimitError: they decompress to more than `bytes_max`.
    """
    plain = decompress(data, bytes_max)
    padded = plain + PADDING[len(plain) & 3]
    crc = crc32c(plain)
    ends = (0, 0, len(plain), len(padded), 0)
    return (put[0], Compression.NONE, put[2], put[3], crc, put[5], *ends), padded


def stored_bytes(message: Message) -> bytes:
    """Return a message as the log stores it: as a PUT message without options."""
    guid, flags, coding, data, size, _, _ = message
    put = Put(
        queue_id=0,
        guid=guid,
        data=data[:size],
        flags=flags & FLAG_MESSAGE_PROPERTIES,
        compression=coding >> 16,
        schema=coding & 0xFFFF,
    )
    return put_message(put)


def _nack(session: Session, put: PutTuple) -> tuple[int, int, bytes, int]:
    """Return the refusal of a message; for makers of GUIDs without correlation id [ACK-7]."""
    if session.makes_guids:
        return AckStatus.UNKNOWN, 0, put[3], put[2]
    return AckStatus.UNKNOWN, correlation_id_of(put[3]), UNSET_GUID, put[2]
