"""Defects of the codec: frames, lists and control messages, as the broker reads them."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any, Final

from reference_broker.base import Duration, Instant, PeerError, QueueUri, WireError
from reference_broker.core import broker, context, control, deliver, handshake, state
from reference_broker.core.broker import Broker
from reference_broker.core.control import ControlDesk
from reference_broker.session import Heartbeat, HeartbeatMonitor
from reference_broker.wire import Event, EventReader, EventType, header, iter_confirms, pad
from reference_broker.wire import control as codec
from reference_broker.wire.control import (
    ControlMessage,
    Encoding,
    StatusCategory,
    ber,
    encode_message,
    json_codec,
)
from reference_broker.wire.control.kinds import INTEGER_BOUNDS
from suites.harness.defects.doors import after, before, defect, door, rebound, replace, wrap

_NOTHING: Final = (EventType.HEARTBEAT_RSP, 0)
_HUGE: Final = 2**31 - 1
_HEARTBEATS_MAX: Final = 1000


def _use_reader(**methods: Any) -> None:
    """Give the sessions of the broker a reader with other methods; clients keep theirs."""
    for name in methods:
        door(EventReader, name)
    reader = type("BrokenReader", (EventReader,), {"__slots__": (), **methods})
    replace(state, "EventReader", reader)


# Frames.


@defect("wire", "BAD NEG")
def strange_headers_skipped() -> None:
    """An event whose header is impossible is passed over, and the connection stays."""

    def read_length(buffer: bytes, position: int, bytes_max: int) -> int:
        length: int = header.read_length(buffer, position, _HUGE) if buffer[position] < 128 else 8
        return length if length <= bytes_max else 8

    def lenient_length(buffer: bytes, position: int, bytes_max: int) -> int:
        try:
            return read_length(buffer, position, bytes_max)
        except WireError:
            return header.EVENT_HEADER_SIZE

    def lenient_event(buffer: bytes, position: int, length: int) -> Event:
        end = position + length
        try:
            header.read_length(buffer, position, _HUGE)
            return header.read_event(buffer, position, length)
        except WireError:
            return Event(*_NOTHING, buffer, end, end)

    cut = rebound(EventReader._cut, read_length=lenient_length, read_event=lenient_event)
    _use_reader(_cut=cut)


@defect("wire", "BAD")
def fragment_bit_ignored() -> None:
    """The fragment bit of an event is taken for nothing."""

    def read_length(buffer: bytes, position: int, bytes_max: int) -> int:
        plain = bytes((buffer[position] & 0x7F, *buffer[position + 1 : position + 4]))
        return header.read_length(plain, 0, bytes_max)

    _use_reader(_cut=rebound(EventReader._cut, read_length=read_length))


@defect("wire", "BAD")
def too_long_frame_accepted() -> None:
    """An event may be as long as it says, and the broker waits for the rest."""
    _use_reader(event_bytes_max=property(lambda _: _HUGE, lambda _, __: None))


@defect("wire", "PUT BAD")
def header_words_ignored() -> None:
    """The body of an event is looked for right behind the 8 known bytes of its header."""

    def read_event(buffer: bytes, position: int, length: int) -> Event:
        event = header.read_event(buffer, position, length)
        return event._replace(start=position + header.EVENT_HEADER_SIZE)

    _use_reader(_cut=rebound(EventReader._cut, read_event=read_event))


@defect("wire", "NEG OPEN BAD")
def half_event_taken_for_whole() -> None:
    """What one read brings is taken for whole events, even where one is cut."""

    def cut(reader: EventReader, data: bytes) -> Any:
        position = 0
        while len(data) - position >= header.EVENT_HEADER_SIZE:
            length = header.read_length(data, position, reader.event_bytes_max)
            length = min(length, len(data) - position)
            yield header.read_event(data, position, length)
            position += length

    _use_reader(_cut=cut)


@defect("wire", "HB DISC NEG")
def one_event_per_read() -> None:
    """Of several events that come in one packet only the first is seen."""

    def make(cut: Callable[..., Any]) -> Callable[..., Any]:
        def first(reader: EventReader, data: bytes) -> Any:
            for event in cut(reader, data):
                yield event
                return

        return first

    _use_reader(_cut=make(EventReader._cut))


@defect("wire", "NEG")
def tail_of_a_read_lost() -> None:
    """What a read brings behind whole events is lost if it is not whole itself."""
    keep = door(EventReader, "_keep")

    def lose(reader: EventReader, data: bytes, position: int, need: int) -> None:
        if not position:
            keep(reader, data, position, need)

    _use_reader(_keep=lose)


@defect("wire", "NEG")
def cut_events_of_a_session_lost() -> None:
    """Once a client has its session, an event of it that comes in two reads is lost."""
    door(EventReader, "_keep")
    strict = type("Strict", (EventReader,), {"__slots__": (), "_keep": lambda *_: None})

    def set_up(_: None, __: handshake.Handshake, session: state.Session, *___: Any) -> None:
        session.reader = strict(session.reader.event_bytes_max)

    after(handshake.Handshake, "_negotiate", set_up)


@defect("wire", "BAD")
def one_buffer_for_all() -> None:
    """What waits for the rest of its event waits in one buffer for all connections."""
    waiting = bytearray()
    need = [0]

    def set_need(_: EventReader, count: int) -> None:
        need[0] = count

    class Shared(EventReader):
        __slots__ = ()
        _waiting = property(lambda _: waiting, lambda _, __: None)
        _need = property(lambda _: need[0], set_need)
        error = property(lambda _: None, lambda _, __: None)

    def set_up(_: None, __: handshake.Handshake, session: state.Session, *___: Any) -> None:
        session.reader = Shared(session.reader.event_bytes_max)

    after(handshake.Handshake, "_negotiate", set_up)


@defect("wire", "BAD")
def broken_events_skipped() -> None:
    """An event of a session that breaks the protocol is dropped, and the connection stays."""

    def make(take: Callable[..., None]) -> Callable[..., None]:
        def lenient(self: Broker, session: state.Session, event: Event) -> None:
            try:
                take(self, session, event)
            except PeerError:
                if session.phase is not state.Phase.OPEN:
                    raise

        return lenient

    wrap(Broker, "_take", make)


@defect("wire", "BAD")
def broker_events_tolerated() -> None:
    """Events that only brokers send are ignored when a client sends them."""

    def make(take: Callable[..., None]) -> Callable[..., None]:
        def tolerant(self: Broker, session: state.Session, event: Event) -> None:
            is_odd = event.type in range(EventType.ACK, EventType.HEARTBEAT_REQ)
            is_odd |= event.type in {EventType.PUSH, EventType.REJECT}
            is_odd |= event.type == EventType.REPLICATION_RECEIPT
            if not is_odd:
                take(self, session, event)

        return tolerant

    wrap(Broker, "_event", make)


@defect("wire", "BAD AUTH")
def closed_without_a_word() -> None:
    """A connection is closed for what it sent, and the log has no error about it."""

    def silent(self: Broker, session: state.Session, reason: str) -> None:
        self._control.drop_all(session, is_lost=True)
        self._context.close(session, reason)

    replace(Broker, "_give_up", silent)


# Heartbeats.


@defect("session", "HB")
def heartbeat_unanswered() -> None:
    """A client's heartbeat request gets no answer."""
    replace(broker, "HEARTBEAT_RESPONSE", b"")


@defect("session", "HB")
def one_heartbeat_answered() -> None:
    """Only the first heartbeat request of a connection is answered."""
    answered: set[int] = set()

    def make(take: Callable[..., None]) -> Callable[..., None]:
        def once(self: Broker, session: state.Session, event: Event) -> None:
            if event.type == EventType.HEARTBEAT_REQ:
                if session.connection in answered:
                    return
                answered.add(session.connection)
            take(self, session, event)

        return once

    wrap(Broker, "_event", make)


@defect("session", "HB")
def silent_peer_kept() -> None:
    """A client that does not answer heartbeats is asked for ever, and never given up."""

    def look(monitor: HeartbeatMonitor, now: Instant) -> Heartbeat:
        found = HeartbeatMonitor.look(monitor, now)
        return Heartbeat.ASK if found is Heartbeat.LOST else found

    _use_monitor(look=look)


@defect("session", "HB")
def silent_peer_lost_early() -> None:
    """A silent client is given up one heartbeat too early."""

    def set_up(monitor: HeartbeatMonitor, now: Instant, interval: Duration, misses: int) -> None:
        HeartbeatMonitor.__init__(monitor, now, interval, max(misses - 1, 0))

    _use_monitor(__init__=set_up)


@defect("session", "HB")
def lively_peer_lost() -> None:
    """What a client sends does not count as a sign of life."""

    def deaf(monitor: HeartbeatMonitor) -> None:
        monitor._grace_until = Instant(0)

    _use_monitor(heard=deaf)


def _use_monitor(**methods: Any) -> None:
    """Give the sessions of the broker a monitor with other methods; clients keep theirs."""
    for name in methods:
        door(HeartbeatMonitor, name)
    monitor = type("BrokenMonitor", (HeartbeatMonitor,), {"__slots__": (), **methods})
    replace(handshake, "HeartbeatMonitor", monitor)


@defect("session", "BAD")
def heartbeat_with_body_refused() -> None:
    """A heartbeat that carries bytes ends the connection."""

    def look(_: Broker, __: state.Session, event: Event) -> None:
        if event.type == EventType.HEARTBEAT_REQ and event.end > event.start:
            raise PeerError("a heartbeat with a body")

    before(Broker, "_event", look)


@defect("session", "BAD")
def many_heartbeats_refused() -> None:
    """A client that asks a thousand times is taken for an attacker."""
    asked: dict[int, int] = {}

    def look(_: Broker, session: state.Session, event: Event) -> None:
        if event.type == EventType.HEARTBEAT_REQ:
            count = asked[session.connection] = asked.get(session.connection, 0) + 1
            if count > _HEARTBEATS_MAX:
                raise PeerError("too many heartbeats")

    before(Broker, "_event", look)


# Control messages.


@defect("wire", "BAD")
def broken_control_ignored() -> None:
    """A control message that cannot be decoded is dropped, and the connection stays."""

    def make(decode: Callable[..., Any]) -> Callable[..., Any]:
        def lenient(*arguments: Any) -> Any:
            try:
                return decode(*arguments)
            except WireError:
                return ControlMessage()

        return lenient

    wrap(broker, "decode_message", make)


@defect("wire", "BAD")
def unknown_encoding_read_as_ber() -> None:
    """A control message in an encoding that does not exist is read as BER, or dropped."""

    def make(decode: Callable[..., Any]) -> Callable[..., Any]:
        def lenient(kind: type, encoding: int, *rest: Any) -> Any:
            if encoding in tuple(Encoding):
                return decode(kind, encoding, *rest)
            try:
                return decode(kind, Encoding.BER, *rest)
            except WireError:
                return ControlMessage()

        return lenient

    wrap(broker, "decode_message", make)


@defect("wire", "BAD CTRL")
def only_the_usual_ber_is_read() -> None:
    """A control message in BER that is not byte for byte as we would write it is refused."""

    def make(decode: Callable[..., Any]) -> Callable[..., Any]:
        def pedantic(kind: type, encoding: int, body: bytes) -> Any:
            message = decode(kind, encoding, body)
            if encoding == Encoding.BER and pad(encode_message(message, Encoding.BER)) != body:
                raise PeerError("BER is not as usual")
            return message

        return pedantic

    wrap(broker, "decode_message", make)


@defect("wire", "BAD NEG CTRL")
def unknown_members_refused() -> None:
    """A control message with a member that the schema does not have ends the connection."""

    class Strict(ber._Decoder):
        __slots__ = ()

        def _skip(self, octet: int, end: int, stop: int, depth: int, at: int) -> None:
            del end, stop, depth
            raise self._error(f"tag {octet:#04x}", "it is unknown", at)

    class StrictJson(json_codec._Decoder):
        __slots__ = ()

        def message(self, schema: Any, tree: object) -> Any:
            for name, _ in tree if isinstance(tree, tuple) else ():
                choice = schema.choice.choice.by_name if schema.choice is not None else {}
                if name not in schema.by_name and name not in choice:
                    raise self._error(name, "it is unknown")
            return super().message(schema, tree)

    class Codec:
        def __init__(self, module: Any, decoder: type) -> None:
            self.decode = rebound(module.decode, _Decoder=decoder)

    decode = rebound(
        codec.decode_message, ber=Codec(ber, Strict), json_codec=Codec(json_codec, StrictJson)
    )
    replace(broker, "decode_message", decode)
    replace(handshake, "decode_message", decode)


@defect("wire", "BAD CTRL")
def wide_integers_truncated() -> None:
    """Of an integer that is too wide the lower octets are taken."""

    class Lenient(ber._Decoder):
        __slots__ = ()

        def _integer(self, kind: Any, content: bytes, at: int) -> int:
            return super()._integer(kind, content[-ber._WIDTHS[kind] :], at)

    class LenientJson(json_codec._Decoder):
        __slots__ = ()

        def _integer(self, member: Any, value: object) -> int:
            low, high = INTEGER_BOUNDS[member.kind]
            number = value if isinstance(value, int | float) and isfinite(value) else 0
            return int(max(low, min(number, high)))

    class Codec:
        def __init__(self, module: Any, decoder: type) -> None:
            self.decode = rebound(module.decode, _Decoder=decoder)

    decode = rebound(
        codec.decode_message, ber=Codec(ber, Lenient), json_codec=Codec(json_codec, LenientJson)
    )
    replace(broker, "decode_message", decode)


@defect("wire", "BAD ADMIN")
def unknown_choice_closes() -> None:
    """A control message that is no request of a client ends the connection."""

    def look(self: ControlDesk, _: state.Session, message: ControlMessage) -> None:
        if message.r_id is None or message.r_id < 0 or type(message.choice) not in self._actions:
            raise PeerError("this is no request")

    before(ControlDesk, "handle", look)


@defect("wire", "BAD")
def negative_request_answered() -> None:
    """A request without a rId, or with a negative one, is executed and answered."""

    def make(handle: Callable[..., None]) -> Callable[..., None]:
        def eager(self: ControlDesk, session: state.Session, message: ControlMessage) -> None:
            if message.choice is not None and (message.r_id is None or message.r_id < 0):
                message = ControlMessage(r_id=0, choice=message.choice)
            handle(self, session, message)

        return eager

    wrap(ControlDesk, "handle", make)


@defect("wire", "BAD")
def unknown_choice_answered() -> None:
    """A request that the broker does not know is answered with a status."""

    def make(handle: Callable[..., None]) -> Callable[..., None]:
        def eager(self: ControlDesk, session: state.Session, message: ControlMessage) -> None:
            if message.r_id is None or type(message.choice) in self._actions:
                handle(self, session, message)
                return
            unknown = control._RefusalError(StatusCategory.E_NOT_SUPPORTED, -1, "unknown")
            self._refuse(session, message.r_id, unknown)

        return eager

    wrap(ControlDesk, "handle", make)


@defect("wire", "BAD")
def large_control_accepted() -> None:
    """A control event may be as large as any other."""
    replace(broker, "CONTROL_EVENT_BYTES_MAX", _HUGE)


@defect("wire", "NEG ADMIN AUTH CTRL")
def answers_always_in_ber() -> None:
    """A client that speaks JSON is answered in BER."""
    for module in (context, handshake):
        wrap(
            module,
            "control_event",
            lambda make: lambda message, _, *rest: make(message, Encoding.BER, *rest),
        )


@defect("wire", "NEG")
def answers_announced_as_json() -> None:
    """The header of a control event in BER says JSON."""

    def mark(event: bytes, *_: Any) -> bytes:
        return event[:6] + bytes((header.encoding_bits(Encoding.JSON),)) + event[7:]

    after(context, "control_event", mark)


@defect("wire", "BAD OPEN")
def uri_not_checked_for_octets() -> None:
    """The last octets of a URI that are no letters, digits or dashes are cut off."""

    class Lenient(QueueUri):
        @classmethod
        def parse(cls, text: str) -> Any:
            kept = "".join(c for c in text if c.isascii() and c.isprintable()) or "bmq://d/q"
            return QueueUri.parse(kept)

    replace(control, "QueueUri", Lenient)


# CONFIRM lists.


@defect("wire", "BAD")
def confirm_lists_unchecked() -> None:
    """A CONFIRM whose sizes do not agree is dropped, and the connection stays."""

    def make(confirms: Callable[..., Any]) -> Callable[..., Any]:
        def lenient(*arguments: Any) -> Any:
            try:
                return confirms(*arguments)
            except WireError:
                return iter(())

        return lenient

    wrap(deliver, "iter_confirms", make)


@defect("wire", "CONFIRM CLOSE")
def first_confirm_only() -> None:
    """Of the messages in a CONFIRM event only the first is confirmed."""

    def first(confirms: Any, *_: Any) -> Any:
        for each in confirms:
            yield each
            return

    after(deliver, "iter_confirms", first)


@defect("wire", "BAD")
def longer_confirms_refused() -> None:
    """CONFIRM messages of more than the 6 known words end the connection."""

    def look(buffer: bytes, start: int, _: int) -> None:
        if buffer[start : start + 1] != b"\x16":
            raise PeerError("a list of messages of another size")

    before(deliver, "iter_confirms", look)


@defect("wire", "CONFIRM BAD")
def strange_confirm_closes() -> None:
    """A CONFIRM that confirms nothing ends the connection."""

    def look(_: Any, session: state.Session, event: Event) -> None:
        confirms = list(iter_confirms(event.buffer, event.start, event.end))
        if not confirms:
            raise PeerError("a CONFIRM of nothing")
        for queue_id, _guid, sub_id in confirms:
            found = session.handles.get(queue_id)
            if found is None or sub_id not in found.sub_streams:
                raise PeerError("a CONFIRM for a queue that is not open")

    def refuse(count: int, _self: Any, _handle: Any, _stream: Any, guids: list[bytes]) -> int:
        if count != len(guids):
            raise PeerError("a CONFIRM of an unknown message")
        return count

    before(deliver.Deliverer, "confirm", look)
    after(deliver.Deliverer, "_confirm", refuse)
