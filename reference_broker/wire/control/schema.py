"""The one table of the control messages, read out of their declarations.

For every message: its members in order with id, wire name, attribute, kind and whether they are
optional. Both codecs drive from this table and from nothing else. The rules of the reading:

- the id of a member is its position, counted from 0; the id of an alternative is written
  beside it in the declaration;
- the wire name is the attribute in camel case (`sub_id_info` is `subIdInfo`), that of an
  alternative its type's name with a small first letter (`OpenQueue` is `openQueue`);
- what is absent on the wire takes the default of the declaration.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import IntEnum
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from reference_broker.wire.control.cluster_messages import ElectorMessage
from reference_broker.wire.control.kinds import INTEGER_BOUNDS, Id, Kind
from reference_broker.wire.control.messages import (
    AuthenticationMessage,
    ControlMessage,
    NegotiationMessage,
)

M = TypeVar("M")

# A choice that is itself the message: it holds exactly one element, in both encodings.
_TOP_LEVEL_CHOICES: Final = (NegotiationMessage, AuthenticationMessage)
_ROOTS: Final = (ControlMessage, ElectorMessage, *_TOP_LEVEL_CHOICES)

# The highest id that fits into a tag of one octet; the schema has no higher one.
_SHORT_ID_MAX: Final = 30

_PLAIN_KINDS: Final[Mapping[object, Kind]] = types.MappingProxyType(
    {bool: Kind.BOOL, str: Kind.STRING, bytes: Kind.BYTES}
)


@dataclass(frozen=True, slots=True, eq=False)
class Alternative:
    """One alternative of a choice."""

    id: int
    name: str
    schema: Schema


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The alternatives of a choice, by everything that they are looked up by."""

    by_id: Mapping[int, Alternative]
    by_name: Mapping[str, Alternative]
    by_type: Mapping[type, Alternative]


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One member of a message.

    Args:
        id: number of its tag in BER, 0 to 30.
        name: its name in JSON; a choice has none there and is called `choice` in errors.
        attribute: its name in Python.
        kind: how the value is written.
        is_optional: whether `None` stands for an absent member.
        enumeration: the type of an ENUM.
        schema: the table of a MESSAGE, or of the elements of an ARRAY.
        choice: the alternatives of a CHOICE.
    """

    id: int
    name: str
    attribute: str
    kind: Kind
    is_optional: bool = False
    enumeration: type[IntEnum] | None = None
    schema: Schema | None = None
    choice: Choice | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """The table of one message.

    Args:
        message: the dataclass.
        members: its members in the order of their ids.
        by_id: the same by id.
        by_name: the same by wire name, without the choice.
        choice: the member that is a choice, if there is one.
        is_choice: whether the message is nothing but that choice.
    """

    message: type[Any]
    members: tuple[Member, ...]
    by_id: Mapping[int, Member]
    by_name: Mapping[str, Member]
    choice: Member | None
    is_choice: bool


def schema_of(message_type: type) -> Schema:
    """Return the table of a message type.

    Raises:
        AssertionError: the type is not one of the schema's.
    """
    schema = SCHEMAS.get(message_type)
    assert schema is not None, f"{message_type.__name__} is not a control message type"
    return schema


def assert_value(member: Member, value: object) -> None:
    """Check a value that is about to be encoded; a wrong one is our fault.

    Raises:
        AssertionError: the value is not of the member's type or does not fit its width.
    """
    if member.kind in INTEGER_BOUNDS:
        expected: type = member.enumeration or int
        assert isinstance(value, expected), _complaint(member, value, expected.__name__)
        assert isinstance(value, int)
        assert not isinstance(value, bool), _complaint(member, value, "int")
        low, high = INTEGER_BOUNDS[member.kind]
        assert low <= value <= high, _complaint(member, value, f"within {low}..{high}")
    elif member.kind is Kind.BOOL:
        assert isinstance(value, bool), _complaint(member, value, "bool")
    elif member.kind is Kind.STRING:
        assert isinstance(value, str), _complaint(member, value, "str")
    elif member.kind is Kind.BYTES:
        assert isinstance(value, bytes), _complaint(member, value, "bytes")
    elif member.kind is Kind.MESSAGE:
        assert member.schema is not None
        message = member.schema.message
        assert type(value) is message, _complaint(member, value, message.__name__)
    elif member.kind is Kind.ARRAY:
        assert member.schema is not None
        message = member.schema.message
        assert isinstance(value, tuple), _complaint(member, value, "tuple")
        assert all(type(element) is message for element in value), _complaint(
            member, value, f"a tuple of {message.__name__}"
        )


def _complaint(member: Member, value: object, expected: str) -> str:
    return f"{member.name} is {value!r:.100} but must be {expected}"


def _read(message: type, known: dict[type, Schema]) -> Schema:
    """Read the declaration of a message, and first those of the messages inside it."""
    if message in known:
        return known[message]
    assert is_dataclass(message)
    hints = get_type_hints(message, include_extras=True)
    members = tuple(
        _read_member(number, declared.name, hints[declared.name], known)
        for number, declared in enumerate(fields(message))
    )
    assert len(members) <= _SHORT_ID_MAX + 1
    choices = [member for member in members if member.kind is Kind.CHOICE]
    schema = Schema(
        message=message,
        members=members,
        by_id={member.id: member for member in members},
        by_name={member.name: member for member in members if member.kind is not Kind.CHOICE},
        choice=choices[0] if choices else None,
        is_choice=message in _TOP_LEVEL_CHOICES,
    )
    known[message] = schema
    return schema


def _read_member(number: int, attribute: str, hint: Any, known: dict[type, Schema]) -> Member:
    declared = [part for part in _union(hint) if part is not type(None)]
    is_optional = len(declared) < len(_union(hint))
    if _id_of(declared[0]) is not None:
        choice = _read_choice(declared, known)
        return Member(number, attribute, attribute, Kind.CHOICE, choice=choice)
    assert len(declared) == 1, (attribute, hint)
    only = declared[0]
    name = _camel(attribute)
    if get_origin(only) is Annotated:
        return Member(number, name, attribute, get_args(only)[1], is_optional)
    if get_origin(only) is tuple:
        element = _read(get_args(only)[0], known)
        return Member(number, name, attribute, Kind.ARRAY, is_optional, schema=element)
    if only in _PLAIN_KINDS:
        return Member(number, name, attribute, _PLAIN_KINDS[only], is_optional)
    if issubclass(only, IntEnum):
        return Member(number, name, attribute, Kind.ENUM, is_optional, enumeration=only)
    return Member(number, name, attribute, Kind.MESSAGE, is_optional, schema=_read(only, known))


def _read_choice(declared: list[Any], known: dict[type, Schema]) -> Choice:
    alternatives = []
    for part in declared:
        number, message = _id_of(part), get_args(part)[0]
        assert number is not None
        assert number <= _SHORT_ID_MAX
        name = message.__name__[0].lower() + message.__name__[1:]
        alternatives.append(Alternative(number, name, _read(message, known)))
    choice = Choice(
        by_id={alternative.id: alternative for alternative in alternatives},
        by_name={alternative.name: alternative for alternative in alternatives},
        by_type={alternative.schema.message: alternative for alternative in alternatives},
    )
    assert len(choice.by_id) == len(choice.by_type) == len(alternatives)
    return choice


def _union(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _id_of(part: Any) -> int | None:
    """Return the id that an alternative is annotated with; nothing for other annotations."""
    if get_origin(part) is Annotated and isinstance(get_args(part)[1], Id):
        number: int = get_args(part)[1].number
        return number
    return None


def _camel(attribute: str) -> str:
    first, *rest = attribute.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _read_all() -> Mapping[type, Schema]:
    known: dict[type, Schema] = {}
    for root in _ROOTS:
        _read(root, known)
    return types.MappingProxyType(known)


# The table of every message type, the nested ones included.
SCHEMAS: Final[Mapping[type, Schema]] = _read_all()
