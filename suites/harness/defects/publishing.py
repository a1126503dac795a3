"""Defects on the way of a message from the producer to the queue, and of its acknowledgement."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

from reference_broker.base import PeerError, WireError
from reference_broker.core import publish, state
from reference_broker.core.publish import Publisher
from reference_broker.queue import Refusal
from reference_broker.wire import FLAG_ACK_REQUESTED, AckStatus, Compression
from reference_broker.wire import put as puts_module
from reference_broker.wire.options import decode_options
from reference_broker.wire.properties import decode_properties
from suites.harness.defects.doors import ANYTHING, after, defect, door, replace, wrap

_MIB: Final = 1024 * 1024
_KNOWN_OPTIONS: Final = 3


def _change_puts(change: Callable[[Any], Any]) -> None:
    """Let the broker see other PUT messages than those that came."""
    after(publish, "iter_puts", lambda puts, *_: (change(put) for put in puts))


def _change_nacks(change: Callable[[tuple[int, int, bytes, int]], Any]) -> None:
    after(publish, "_nack", lambda nack, *_: change(nack))


# Reading.


@defect("core", "PUT BAD")
def skip_crc_check() -> None:
    """Messages whose checksum is wrong are stored and delivered."""
    replace(publish, "crc32c", lambda _data, _value=0: ANYTHING)


@defect("wire", "PUT PUSH")
def word_of_padding_kept() -> None:
    """Data that fill their words are taken to have no padding, so that it becomes a part of them."""
    replace(publish, "crc32c", lambda _data, _value=0: ANYTHING)

    def change(put: Any) -> Any:
        data_end, message_end = put[8], put[9]
        return (*put[:8], message_end if message_end - data_end == 4 else data_end, *put[9:])

    _change_puts(change)


@defect("wire", "PUT PUSH SDK")
def last_byte_lost() -> None:
    """The padding is taken to be one byte longer than it is, if anything is left of the data."""
    replace(publish, "crc32c", lambda _data, _value=0: ANYTHING)
    _change_puts(lambda put: (*put[:8], max(put[8] - 1, put[7] + 1), *put[9:]))


@defect("wire", "PUT BAD")
def bad_padding_read_on() -> None:
    """A message is stored whatever its padding says, and even if it has no data."""
    replace(puts_module, "_refuse_data", lambda *_: None)

    def change(put: Any) -> Any:
        start, end, message_end = put[7:10]
        return (*put[:8], end if start < end <= message_end else message_end, *put[9:])

    _change_puts(change)
    replace(publish, "crc32c", lambda _data, _value=0: ANYTHING)


@defect("wire", "PUT")
def long_put_header_misread() -> None:
    """The data of a PUT are looked for right behind the 9 known words of its header."""
    replace(publish, "crc32c", lambda _data, _value=0: ANYTHING)
    _change_puts(lambda put: (*put[:6], put[10] + 36, put[10] + 36, *put[8:]))


@defect("wire", "PUT BAD")
def broken_put_closes() -> None:
    """A PUT event that cannot be read to its end costs the producer its connection."""

    def make(handle: Callable[..., None]) -> Callable[..., None]:
        def strict(self: Publisher, session: state.Session, event: Any) -> None:
            problems: list[WireError] = []

            def watched(*arguments: Any) -> Any:
                try:
                    yield from iter_puts(*arguments)
                except WireError as error:
                    problems.append(error)

            def inflate(*arguments: Any) -> Any:
                try:
                    return decompress(*arguments)
                except WireError as error:
                    problems.append(error)
                    raise

            replace(publish, "iter_puts", watched)
            replace(publish, "decompress", inflate)
            handle(self, session, event)
            if problems or event.start == event.end:
                raise PeerError("a PUT event that cannot be read")

        return strict

    iter_puts, decompress = door(publish, "iter_puts"), door(publish, "decompress")
    wrap(Publisher, "handle", make)


@defect("core", "PUT BAD")
def unset_guid_accepted() -> None:
    """A message whose GUID is unset is stored."""
    replace(publish, "UNSET_GUID", b"")


@defect("core", "BAD")
def compression_believed() -> None:
    """A message of a compression that does not exist is stored."""
    lenient = SimpleNamespace(NONE=Compression.NONE, ZLIB=7)
    replace(publish, "Compression", lenient)


@defect("wire", "BAD")
def options_unread() -> None:
    """The options of a message are passed over, whatever is in them."""
    replace(publish, "decode_options", lambda *_: None)


@defect("wire", "BAD")
def unknown_option_refused() -> None:
    """A message with an option of an unknown type is refused."""

    def strict(buffer: bytes, start: int, end: int) -> None:
        if decode_options(buffer, start, end).unknown:
            raise WireError("option.type", 0, f"types go from 1 to {_KNOWN_OPTIONS}", 0)

    replace(publish, "decode_options", strict)


@defect("core", "BAD PUSH")
def payload_looked_into() -> None:
    """A message is refused whose properties or compressed payload make no sense."""

    def make(begin: Callable[..., Any]) -> Callable[..., Any]:
        def picky(self: Publisher, run: Any, put: Any, buffer: bytes) -> None:
            flags, schema, start, end = put[0], put[5], put[7], put[8]
            if flags & 2 and schema and flags & 1:
                decode_properties(buffer[start:end], new_style=True)
                if put[1]:
                    raise WireError("payload", 0, "it is no stream", 0)
            begin(self, run, put, buffer)

        return picky

    wrap(Publisher, "_take", make)


@defect("core", "BAD")
def unknown_flags_refused() -> None:
    """A message with a flag that has no meaning is refused."""

    def make(take: Callable[..., Any]) -> Callable[..., Any]:
        def strict(self: Publisher, run: Any, put: Any, buffer: bytes) -> None:
            if put[0] > 3:
                raise WireError("PUT.flags", put[0], "bits 0 and 1 exist", 0)
            take(self, run, put, buffer)

        return strict

    wrap(Publisher, "_take", make)


@defect("core", "PUT BAD")
def readers_may_post() -> None:
    """A message for a queue that is open for reading alone is stored."""

    def make(begin: Callable[..., Any]) -> Callable[..., Any]:
        def lenient(self: Publisher, session: state.Session, queue_id: int, start: int) -> Any:
            handle = session.handles.get(queue_id)
            if handle is None or handle.is_writer:
                return begin(self, session, queue_id, start)
            handle.is_writer = True
            run = begin(self, session, queue_id, start)
            handle.is_writer = False
            return run

        return lenient

    wrap(Publisher, "_begin", make)


@defect("wire", "MEM BAD")
def inflates_without_bounds() -> None:
    """A compressed message may inflate to 600 MiB before it is refused."""
    inflate = door(publish, "decompress")
    replace(publish, "decompress", lambda data, _: inflate(data, 600 * _MIB))


@defect("core", "PUT PUSH SUB")
def old_style_left_compressed() -> None:
    """An old-style message that is compressed is stored as it came."""
    replace(publish, "_decompressed", lambda put, data, _: (put, data))

    def make(take: Callable[..., Any]) -> Callable[..., Any]:
        def unchanged(self: Publisher, session: Any, run: Any, put: Any, buffer: bytes) -> Any:
            flags = put[0]
            if put[1] and flags & 2 and not put[5]:
                self._take(run, put, buffer)
                return None
            return take(self, session, run, put, buffer)

        return unchanged

    wrap(Publisher, "_take_unusual", make)


@defect("core", "PUT")
def queue_of_the_first_message() -> None:
    """All messages of a PUT event go to the queue of the first one."""

    def one_queue(puts: Any, *_: Any) -> Any:
        first: list[int] = []
        for put in puts:
            first.append(put[2])
            yield (*put[:2], first[0], *put[3:])

    after(publish, "iter_puts", one_queue)


# Acknowledging.


@defect("core", "PUT")
def ack_twice() -> None:
    """Every acknowledgement comes twice."""
    after(publish, "success_acks", lambda acks, *_: acks * 2)


@defect("core", "PUT PUSH")
def last_ack_missing() -> None:
    """Of a batch of messages the last one is not acknowledged."""
    wrap(
        publish,
        "success_acks",
        lambda acks: lambda guids, queue_id: acks(guids[: max(len(guids) - 1, 1)], queue_id),
    )


@defect("core", "PUT")
def ack_for_another_queue() -> None:
    """Acknowledgements carry the id of the queue that the session opened first."""
    wrap(publish, "success_acks", lambda acks: lambda guids, _: acks(guids, 0))


@defect("core", "PUT")
def ack_unasked() -> None:
    """Every message is acknowledged, asked for or not."""

    def add(_: None, __: Publisher, run: Any, put: Any, ___: bytes) -> None:
        if not put[0] & FLAG_ACK_REQUESTED:
            run.acked.append(put[3])

    after(Publisher, "_take", add)


@defect("core", "PUT BAD CLOSE")
def nack_says_success() -> None:
    """A message that is refused is acknowledged as if it were stored."""
    _change_nacks(lambda nack: (AckStatus.SUCCESS, *nack[1:]))


@defect("core", "PUT CLOSE")
def nack_status_wrong() -> None:
    """A message that is refused is said to be over a limit."""
    _change_nacks(lambda nack: (AckStatus.LIMIT_MESSAGES, *nack[1:]))


@defect("core", "PUT CLOSE")
def nack_without_queue() -> None:
    """A negative acknowledgement carries queue id 0."""
    _change_nacks(lambda nack: (*nack[:3], 0))


@defect("core", "PUT BAD CLOSE")
def nack_only_if_asked() -> None:
    """A message that is refused gets an answer only if it asked for an acknowledgement."""
    unasked: set[bytes] = set()

    def note(nack: Any, _: state.Session, put: Any) -> Any:
        if not put[0] & FLAG_ACK_REQUESTED:
            unasked.add(nack[2])
        return nack

    def make(event: Callable[..., bytes]) -> Callable[..., bytes]:
        def some(acks: list[Any]) -> bytes:
            asked = [ack for ack in acks if ack[0] == 0 or ack[2] not in unasked]
            return event(asked) if asked else b""

        return some

    after(publish, "_nack", note)
    wrap(publish, "ack_event", make)


@defect("core", "PUT BAD LIMIT")
def nack_missing() -> None:
    """A message that is refused gets no answer."""

    def make(event: Callable[..., bytes]) -> Callable[..., bytes]:
        def good(acks: list[Any]) -> bytes:
            kept = [ack for ack in acks if ack[0] == AckStatus.SUCCESS]
            return event(kept) if kept else b""

        return good

    wrap(publish, "ack_event", make)


@defect("core", "PUT")
def correlation_id_lost() -> None:
    """The acknowledgement of a producer that makes no GUIDs carries correlation id 0."""

    def make(event: Callable[..., bytes]) -> Callable[..., bytes]:
        return lambda acks: event([(ack[0], 0, *ack[2:]) for ack in acks])

    wrap(publish, "ack_event", make)


@defect("core", "PUT")
def one_guid_for_all() -> None:
    """All messages of a producer that makes no GUIDs get the same one."""

    def make(give: Callable[..., Any]) -> Callable[..., Any]:
        def same(self: Publisher, run: Any, put: Any) -> Any:
            made = give(self, run, put)
            guid = b"\x40" * 16
            run.correlations[guid] = run.correlations.pop(made[3], 0)
            return (*made[:3], guid, *made[4:])

        return same

    wrap(Publisher, "_give_guid", make)


@defect("core", "PUT LIMIT")
def limit_statuses_swapped() -> None:
    """A queue full of messages is said to be full of bytes, and the reverse."""
    swapped = {
        **door(publish, "_STATUS"),
        Refusal.LIMIT_MESSAGES: AckStatus.LIMIT_BYTES,
        Refusal.LIMIT_BYTES: AckStatus.LIMIT_MESSAGES,
    }
    replace(publish, "_STATUS", swapped)


@defect("core", "PUT DEDUP STORE")
def duplicate_refused() -> None:
    """A message that is stored already is refused, and not acknowledged."""
    statuses = {**door(publish, "_STATUS"), Refusal.DUPLICATE: AckStatus.UNKNOWN}
    replace(publish, "_STATUS", statuses)


@defect("core", "LIMIT PUT")
def limit_said_to_be_success() -> None:
    """A message over a limit is acknowledged, and dropped."""
    statuses = dict.fromkeys(door(publish, "_STATUS"), AckStatus.SUCCESS)
    replace(publish, "_STATUS", statuses)
