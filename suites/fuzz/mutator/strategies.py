"""The same grammar for Hypothesis: well-formed inputs, and tests of Hypothesis as fuzz targets.

Inputs are made of trees and written by the writer of the mutator, so an example that fails can be
mutated further, and what a mutation has found can be made by Hypothesis as well.

A test of Hypothesis becomes a target in a module of its own::

    from hypothesis import given
    from suites.fuzz.mutator.strategies import streams, target_of

    @given(streams())
    def test_the_parser_survives(data):
        my_parser.parse(data)

    test_one_input = target_of(test_the_parser_survives)

and `python -m suites.fuzz --case that.module` fuzzes it. Its inputs are what Hypothesis makes of
bytes, so it needs no `grammar`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from hypothesis import strategies as st

from reference_broker.wire import EventType
from suites.fuzz.mutator import ber, sets, tree
from suites.fuzz.mutator.parsing import body_kind
from suites.fuzz.mutator.tree import Kind, Node, made
from suites.fuzz.mutator.writing import write

_EVENTS_MAX: Final = 3
_PARTS_MAX: Final = 3
_PAYLOAD_BYTES_MAX: Final = 80
_LEAVES_MAX: Final = 8
_FLAG_PROPERTIES: Final = 2
_VERSION: Final = 1
_LISTS: Final = {
    EventType.ACK: tree.ACK,
    EventType.CONFIRM: tree.CONFIRM,
    EventType.REJECT: tree.REJECT,
}


def _headed(kind: Kind, **fixed: int) -> st.SearchStrategy[Node]:
    """Return nodes without parts, whose plain fields hold anything but what is fixed."""
    values = {
        field.name: st.just(fixed[field.name])
        if field.name in fixed
        else st.integers(0, field.mask)
        for field in kind.plain
    }
    return st.fixed_dictionaries(values).map(lambda fields: made(kind, **fields))


@st.composite
def _properties(draw: st.DrawFn, kind: Kind) -> Node:
    """Return an area of 1 to 4 properties with different names and values of their types."""
    names = draw(_NAMES)
    area = made(kind)
    for name in sorted(names):
        number = draw(st.integers(1, 7))
        size = _SIZES.get(number)
        text = st.text(max_size=8).map(str.encode)
        value = st.binary(min_size=size, max_size=size) if size else text
        area.parts.append(made(tree.PROPERTY, name.encode(), draw(value), type=number))
    return area


@st.composite
def _data(draw: st.DrawFn, schema: int) -> Node:
    """Return application data with properties."""
    is_new = schema > 0
    area = draw(_properties(tree.NEW_AREA if is_new else tree.OLD_AREA))
    payload = draw(st.binary(min_size=1, max_size=_PAYLOAD_BYTES_MAX))
    return made(tree.NEW_DATA if is_new else tree.OLD_DATA, area, payload)


@st.composite
def _message(draw: st.DrawFn, kind: Kind) -> Node:
    """Return a PUT or PUSH message with or without options, properties and compression."""
    flags = draw(st.sampled_from((0, 1, 2, 3))) if kind is tree.PUT else draw(_PUSH_FLAGS)
    schema = draw(st.integers(0, 3))
    compression = draw(st.integers(0, 1))
    message = draw(_headed(kind, flags=flags, schema=schema, compression=compression, reserved=0))
    kinds = draw(
        st.lists(st.sampled_from(sets.options()), max_size=2, unique_by=lambda o: o[0] >> 2)
    )
    message.parts.append(b"".join(kinds))
    has_properties = flags & _FLAG_PROPERTIES
    payload = st.binary(min_size=1, max_size=_PAYLOAD_BYTES_MAX)
    data: Node | bytes = draw(_data(schema)) if has_properties else draw(payload)
    if not compression:
        message.parts.append(data)
    elif isinstance(data, Node) and schema:
        data.parts[1] = _stream(data.parts[1])
        message.parts.append(data)
    else:
        message.parts.append(_stream(data))
    return message


def _stream(content: Node | bytes) -> Node:
    stream = made(tree.ZLIB, content)
    stream.head = 1
    return stream


def _event(event_type: int, body: Node | bytes, specific: int = 0) -> bytes:
    event = made(tree.EVENT, body, version=_VERSION, type=event_type, specific=specific)
    return write(event)


@st.composite
def _message_event(draw: st.DrawFn, event_type: EventType, kind: Kind) -> bytes:
    messages = draw(st.lists(_message(kind), min_size=1, max_size=_PARTS_MAX))
    return _event(event_type, b"".join(map(write, messages)))


@st.composite
def _list_event(draw: st.DrawFn) -> bytes:
    event_type = draw(st.sampled_from(sorted(_LISTS)))
    kind = body_kind(event_type, 0)
    assert kind is not None, event_type
    items = draw(st.lists(_headed(_LISTS[event_type]), min_size=1, max_size=_PARTS_MAX))
    return _event(event_type, made(kind, *items))


def ber_texts() -> st.SearchStrategy[bytes]:
    """Return well-formed BER that need not be of the schema."""
    tags = st.integers(0, 30)
    primitive = st.builds(
        lambda tag, content: ber.element(bytes((0x80 | tag,)), content), tags, st.binary(max_size=9)
    )
    inside = st.recursive(
        primitive,
        lambda below: st.builds(_constructed, tags, st.lists(below, max_size=3), st.booleans()),
        max_leaves=_LEAVES_MAX,
    )
    return st.lists(inside, max_size=3).map(lambda parts: b"\x30\x80" + b"".join(parts) + b"\0\0")


def _constructed(tag: int, parts: list[bytes], is_definite: bool) -> bytes:  # noqa: FBT001
    content = b"".join(parts)
    octet = bytes((0xA0 | tag,))
    return ber.element(octet, content) if is_definite else octet + b"\x80" + content + b"\0\0"


def events() -> st.SearchStrategy[bytes]:
    """Return single well-formed events of every type that clients and brokers exchange."""
    return st.one_of(
        st.sampled_from(sets.events()),
        _message_event(EventType.PUT, tree.PUT),
        _message_event(EventType.PUSH, tree.PUSH),
        _list_event(),
        ber_texts().map(lambda text: _event(EventType.CONTROL, made(tree.BER, text))),
    )


def streams() -> st.SearchStrategy[bytes]:
    """Return well-formed inputs: up to 3 events, one after the other."""
    return st.lists(events(), max_size=_EVENTS_MAX).map(b"".join)


def target_of(test: Callable[..., Any]) -> Callable[[bytes], None]:
    """Return a target that runs a test of Hypothesis on the example that bytes stand for.

    Args:
        test: decorated with `given`.
    """
    fuzz_one_input: Callable[[bytes], object] = test.hypothesis.fuzz_one_input  # type: ignore[attr-defined]

    def test_one_input(data: bytes) -> None:
        fuzz_one_input(data)

    return test_one_input


#: A PUSH without data says so; those here have data.
_PUSH_FLAGS: Final = st.sampled_from((0, 2, 4, 6))
_NAMES: Final = st.lists(
    st.text("abxyz019", min_size=1, max_size=8), min_size=1, max_size=4, unique=True
)
#: Bytes of values, by the number of their type; the others have any.
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}
