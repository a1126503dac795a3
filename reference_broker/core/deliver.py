"""PUSH and CONFIRM: messages to consumers and their release.

A delivery becomes PUSH events whose messages are, up to the header, byte for byte what the
producer sent [PROP-2, PROP-9]. Consumers that do not read new-style properties get the old style
instead.
"""

from __future__ import annotations

from itertools import islice

from reference_broker.base import Instant, WireError, seconds
from reference_broker.base.limits import (
    APPLICATION_DATA_BYTES_MAX,
    DELIVERY_QUEUES_MAX,
    PUSH_EVENT_BYTES_MAX,
)
from reference_broker.core.context import Context
from reference_broker.core.idleness import IdleWatch
from reference_broker.core.journal import JournalKeeper
from reference_broker.core.paging import Pager
from reference_broker.core.state import Handle, QueueEntry, Session
from reference_broker.ports import Severity
from reference_broker.queue import Delivery, DeliveryBudget, Message, QueueMode, Stream
from reference_broker.wire import (
    FLAG_MESSAGE_PROPERTIES,
    PADDING,
    Compression,
    Event,
    EventType,
    decompress,
    event_header,
    iter_confirms,
)
from reference_broker.wire.properties import area_size, convert_to_old_style
from reference_broker.wire.push import (
    ONE_ID_OPTION,
    PUSH_WITH_ID,
    PUSH_WITH_ID_WORD1,
    PUSH_WITH_ID_WORDS,
)

#: Wire schema id of every new-style message that we send: new style, no schema to remember
#: [PROP-3].
_NEW_STYLE = 1


#: How often the peer's development build says that a delivery stopped early: so many at once, then
#: one in so many seconds.
_EARLY_EXITS_AT_ONCE = 32
_EARLY_EXIT_SECONDS = 5


class EarlyExitLog:
    """Keep the log readable when deliveries stop again and again."""

    def __init__(self) -> None:
        self._left = _EARLY_EXITS_AT_ONCE
        self._next_at = Instant(0)

    def admits(self, now: Instant) -> bool:
        """Return whether one more line may be written now."""
        if self._left:
            self._left -= 1
        elif now < self._next_at:
            return False
        self._next_at = Instant(now + seconds(_EARLY_EXIT_SECONDS))
        return True


class Deliverer:
    """Serve the consumers of queues."""

    def __init__(
        self, context: Context, pager: Pager, idle_watch: IdleWatch, journal: JournalKeeper
    ) -> None:
        self._context = context
        self._journal = journal
        self._pager = pager
        self._idle_watch = idle_watch
        self._early_exits = EarlyExitLog()

    def deliver_all(self) -> None:
        """Serve the consumers of queues in which something changed, so many in one step."""
        context = self._context
        dirty = list(islice(context.dirty, DELIVERY_QUEUES_MAX))
        for entry in dirty:
            del context.dirty[entry]
        budget = DeliveryBudget()
        #: Those that have more, and among them those for which nothing was left.
        unserved: list[QueueEntry] = []
        served: list[QueueEntry] = []
        for entry in dirty:
            queue = entry.queue
            more = unserved if budget.is_spent else served
            for delivery in queue.deliver(context.now, budget):
                self._push(entry, delivery)
            if queue.has_more:
                more.append(entry)
            if queue.wanted:
                self._pager.fetch(entry)
            if entry.is_logged and queue.store.hot_bytes > context.hot_bytes_max:
                queue.store.trim(queue.positions(), context.hot_bytes_max)
            for app_id, guid in queue.early_exits:
                self._note_early_exit(entry, app_id, guid)
            wake_at = queue.next_deadline()
            if wake_at is not None:
                context.wake(entry, wake_at)
            self._idle_watch.look(entry)
        context.dirty.update(dict.fromkeys([*unserved, *served]))

    def _note_early_exit(self, entry: QueueEntry, app_id: str, guid: bytes) -> None:
        if self._early_exits.admits(self._context.now):
            text = (
                f"[THROTTLED] Queue '{entry.queue.uri}', appId = '{app_id}' does not have any "
                f"subscription capacity; early exits delivery at {guid.hex().upper()}"
            )
            self._context.note(Severity.INFO, text)

    def _push(self, entry: QueueEntry, delivery: Delivery) -> None:
        stream = delivery.subscription.stream
        session = self._context.sessions[stream.connection]
        messages = delivery.messages
        self._count(entry, messages, entry.queue.streams[stream].app_id)
        if not session.reads_new_properties:
            messages = [self._old_style(message) for message in messages]
        chunks = push_chunks(messages, stream.queue_id, delivery.subscription.spec.push_id)
        self._context.send(session, *chunks, is_durable=entry.is_synced)

    def _count(self, entry: QueueEntry, messages: list[Message], app_id: str) -> None:
        counters = entry.counters
        counters.push_messages += len(messages)
        counters.push_bytes += sum([message[4] for message in messages])
        if entry.queue.mode is not QueueMode.BROADCAST:
            arrival = entry.queue.store.arrival_ns(messages[0][5])
            waited = max(self._context.wall_ns - arrival, 0)
            counters.waited.add(len(messages), waited)
            if entry.queue.mode is QueueMode.FANOUT:
                counters.waited_of(app_id).add(len(messages), waited)

    def _old_style(self, message: Message) -> Message:
        if not message[2] & 0xFFFF:
            return message
        try:
            return old_style(message)
        except WireError as error:
            # The producer's properties are malformed; its bytes are delivered as they are [PROP-7].
            guid = message[0].hex().upper()
            self._context.note(
                Severity.WARN, f"message properties not converted: {error}", guid=guid
            )
            return message

    def confirm(self, session: Session, event: Event) -> None:
        """Take one CONFIRM event, without an answer [CONFIRM-3].

        What is for a qId [CONFIRM-7] or subId [CONFIRM-8] that is not open is ignored.
        """
        context = self._context
        runs: list[tuple[int, int, list[bytes]]] = []
        queue_id_before, sub_id_before = -1, -1
        guids: list[bytes] = []
        for queue_id, guid, sub_id in iter_confirms(event.buffer, event.start, event.end):
            if queue_id != queue_id_before or sub_id != sub_id_before:
                guids = []
                runs.append((queue_id, sub_id, guids))
                queue_id_before, sub_id_before = queue_id, sub_id
            guids.append(guid)
        strays, unknown = 0, 0
        for queue_id, sub_id, guids in runs:
            handle = session.handles.get(queue_id)
            sub_stream = handle.sub_streams.get(sub_id) if handle is not None else None
            if handle is None or sub_stream is None or sub_stream.stream is None:
                strays += len(guids)
            else:
                unknown += len(guids) - self._confirm(handle, sub_stream.stream, guids)
        # One record per event, however many there are.
        if strays:
            text = f"{session}: {strays} CONFIRMs for queues that are not open for reading"
            context.note(Severity.WARN, text)
        if unknown:
            context.note(Severity.DEBUG, f"{session}: {unknown} CONFIRMs for messages not stored")

    def _confirm(self, handle: Handle, stream: Stream, guids: list[bytes]) -> int:
        """Confirm messages of one stream; returns how many were waited for."""
        context = self._context
        entry = handle.entry
        queue = entry.queue
        confirmed = queue.confirm(stream, guids, context.now)
        context.dirty[entry] = None  # there may be room: for messages that are gone as well
        if not confirmed.ordinals:
            return 0
        entry.counters.confirm_messages += len(confirmed.ordinals)
        if entry.is_logged:
            log = context.log_of(entry)
            number = confirmed.number
            context.add(*log.append_confirms(entry.number, number, confirmed.ordinals))
            context.add(*log.release(confirmed.removed))
            self._journal.confirmed(entry, len(confirmed.ordinals), len(confirmed.removed))
        return len(confirmed.ordinals)


def push_chunks(messages: list[Message], queue_id: int, push_id: int) -> list[bytes]:
    """Return PUSH events with `messages` for one subscription [PUSH-6], as chunks to join.

    Args:
        messages: in order.
        queue_id: the receiver's qId [PUSH-1].
        push_id: the one id of the option SUB_QUEUE_IDS_OLD.
    """
    pack = PUSH_WITH_ID.pack
    chunks: list[bytes] = [b""]
    header_at = 0
    words = 0
    for guid, flags, coding, data, _, _, _ in messages:
        message_words = PUSH_WITH_ID_WORDS + (len(data) >> 2)
        if words and (words + message_words) << 2 > PUSH_EVENT_BYTES_MAX:
            chunks[header_at] = event_header(EventType.PUSH, words << 2)
            header_at = len(chunks)
            chunks.append(b"")
            words = 0
        words += message_words
        schema = _NEW_STYLE if coding & 0xFFFF else 0
        word1 = PUSH_WITH_ID_WORD1 | coding >> 16 << 5
        chunks.append(
            pack(
                flags << 28 | message_words,
                word1,
                queue_id,
                guid,
                schema,
                0,
                ONE_ID_OPTION,
                push_id,
            )
        )
        chunks.append(data)
    chunks[header_at] = event_header(EventType.PUSH, words << 2)
    return chunks


def old_style(message: Message) -> Message:
    """Return a new-style message in old style: lengths in the headers, all plain [PROP-5].

    Raises:
        WireError: properties or payload cannot be read.
    """
    guid, flags, coding, padded, size, ordinal, segment = message
    data = padded[:size]
    properties = b""
    if flags & FLAG_MESSAGE_PROPERTIES:
        length = area_size(data)
        properties, data = convert_to_old_style(data[:length]), data[length:]
    if coding >> 16 == Compression.ZLIB:
        data = decompress(data)
    plain = properties + data
    if len(plain) > APPLICATION_DATA_BYTES_MAX:
        rule = f"a message carries at most {APPLICATION_DATA_BYTES_MAX} bytes"
        raise WireError("applicationData", f"{len(plain)} bytes when decompressed", rule, 0)
    return guid, flags, 0, plain + PADDING[len(plain) & 3], size, ordinal, segment
