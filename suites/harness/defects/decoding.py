"""Defects of how requests are read: numbers, the liberties of both encodings, request ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reference_broker.core import broker
from reference_broker.core.context import Context
from reference_broker.core.control import ControlDesk
from reference_broker.core.state import Session
from reference_broker.wire import control as codec
from reference_broker.wire.control import ber, json_codec
from suites.harness.defects.doors import defect, rebound, replace, wrap

_LOW_BITS: Final = 2**31 - 1


class _Codec:
    """One of the codecs, with another decoder."""

    def __init__(self, module: Any, decoder: type) -> None:
        self.decode = rebound(module.decode, _Decoder=decoder)


def _read_with(ber_decoder: type = ber._Decoder, json_decoder: type = json_codec._Decoder) -> None:
    """Let the broker read requests with other decoders."""
    decode = rebound(
        codec.decode_message,
        ber=_Codec(ber, ber_decoder),
        json_codec=_Codec(json_codec, json_decoder),
    )
    replace(broker, "decode_message", decode)


@defect("wire", "CTRL")
def highest_bits_of_numbers_lost() -> None:
    """Of the numbers in a request only the lower 31 bits are taken."""

    class Narrow(ber._Decoder):
        __slots__ = ()

        def _integer(self, kind: Any, content: bytes, at: int) -> int:
            number = super()._integer(kind, content, at)
            return number & _LOW_BITS if number >= 0 else number

    class NarrowJson(json_codec._Decoder):
        __slots__ = ()

        def _integer(self, member: Any, value: object) -> int:
            number = super()._integer(member, value)
            return number & _LOW_BITS if number >= 0 else number

    _read_with(Narrow, NarrowJson)


@defect("wire", "CTRL")
def unsigned_ber_read_as_signed() -> None:
    """In BER an unsigned number without its zero in front is negative, and ends the connection."""

    class Signed(ber._Decoder):
        __slots__ = ()

        def _integer(self, kind: Any, content: bytes, at: int) -> int:
            if kind in ber._UNSIGNED_KINDS and content[:1] >= b"\x80":
                raise self._error(content.hex(), "must not be negative", at)
            return super()._integer(kind, content, at)

    _read_with(Signed)


@defect("wire", "CTRL")
def zeros_in_front_refused() -> None:
    """In BER a number that is longer than it need be ends the connection."""

    class Short(ber._Decoder):
        __slots__ = ()

        def _integer(self, kind: Any, content: bytes, at: int) -> int:
            if content[:1] == b"\0" and len(content) > 1 and content[1] < 0x80:
                raise self._error(content.hex(), "must be as short as can be", at)
            return super()._integer(kind, content, at)

    _read_with(Short)


@defect("wire", "CTRL")
def first_of_two_members_holds() -> None:
    """Of a member that comes twice in a request the first one counts."""

    class First(ber._Decoder):
        __slots__ = ()

        def _sequence(self, schema: Any, end: int, stop: int, depth: int) -> Any:
            first: Any = _FirstWins(schema)
            return super()._sequence(first, end, stop, depth)

    class FirstJson(json_codec._Decoder):
        __slots__ = ()

        def message(self, schema: Any, tree: object) -> Any:
            if isinstance(tree, tuple):
                tree = tuple(dict(reversed(tree)).items())
            return super().message(schema, tree)

    _read_with(First, FirstJson)


class _FirstWins:
    """A schema whose messages take the first value of a member."""

    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self.by_id = _Once(schema.by_id)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._schema, name)


class _Once(dict[int, Any]):
    """Members by number; of the plain ones each is known once."""

    def get(self, number: int, default: Any = None) -> Any:
        member = super().get(number, default)
        if member is not None and member.schema is None and member.choice is None:
            self.pop(number)
        return member


@defect("wire", "CTRL")
def json_enumerators_by_name_only() -> None:
    """In JSON an enumerator that is given by its number ends the connection."""

    class Strict(json_codec._Decoder):
        __slots__ = ()

        def _enumerator(self, member: Any, value: object) -> object:
            if not isinstance(value, str):
                raise self._error(value, "must be a name")
            return super()._enumerator(member, value)

    _read_with(json_decoder=Strict)


@defect("wire", "CTRL")
def json_quoted_numbers_refused() -> None:
    """In JSON a number in quotes ends the connection, however large its type is."""

    class Strict(json_codec._Decoder):
        __slots__ = ()

        def _integer(self, member: Any, value: object) -> int:
            if isinstance(value, str):
                raise self._error(value, "must be a number")
            return super()._integer(member, value)

    _read_with(json_decoder=Strict)


@defect("wire", "CTRL")
def json_null_refused() -> None:
    """In JSON null ends the connection, also where a member is optional."""

    class Strict(json_codec._Decoder):
        __slots__ = ()

        def _value(self, member: Any, value: object) -> object:
            if value is None:
                raise self._error(value, "must not be null")
            return super()._value(member, value)

    _read_with(json_decoder=Strict)


@defect("session", "CTRL")
def request_ids_must_rise() -> None:
    """A request whose rId is not greater than the last one is taken for sent twice, and ignored."""
    highest: dict[int, int] = {}

    def make(take: Callable[..., None]) -> Callable[..., None]:
        def rising(self: ControlDesk, session: Session, message: Any) -> None:
            last = highest.get(session.connection, -1)
            if message.r_id is not None and message.r_id <= last:
                return
            highest[session.connection] = -1 if message.r_id is None else message.r_id
            take(self, session, message)

        return rising

    wrap(ControlDesk, "handle", make)


@defect("session", "CTRL NEG")
def requests_read_as_the_session_speaks() -> None:
    """A request is read in the encoding of the session, whatever its event says."""

    def make(take: Callable[..., None]) -> Callable[..., None]:
        def deaf(self: Any, session: Session, event: Any) -> None:
            take(self, session, event._replace(specific=session.encoding << 5))

        return deaf

    wrap(broker.Broker, "_request", make)


@defect("session", "CTRL NEG")
def answers_as_the_request_was_written() -> None:
    """A request is answered in its own encoding, and not in that of the session."""
    written: dict[int, Any] = {}

    def make_decode(take: Callable[..., None]) -> Callable[..., None]:
        def noted(self: Any, session: Session, event: Any) -> None:
            written[session.connection] = codec.Encoding(event.encoding)
            take(self, session, event)

        return noted

    def make_send(send: Callable[..., None]) -> Callable[..., None]:
        def echo(self: Context, session: Session, message: Any) -> None:
            own = session.encoding
            session.encoding = written.get(session.connection, own)
            send(self, session, message)
            session.encoding = own

        return echo

    wrap(broker.Broker, "_request", make_decode)
    wrap(Context, "send_control", make_send)
