"""Control messages on one line, as the peer's log lines and admin answers show them.

::

    [ rId = 3 choice = [ openQueue = [ handleParameters = [ uri = "bmq://d/q" ... ] ] ] ]

Strings are quoted, absent members are NULL, enumerations go by their names.
"""

from __future__ import annotations

from enum import IntEnum

from reference_broker.wire.control.kinds import Kind
from reference_broker.wire.control.schema import Member, Schema, schema_of


def print_message(message: object) -> str:
    """Return a control message, or a part of one, as one line of text."""
    return _message(message, schema_of(type(message)))


def _message(message: object, schema: Schema) -> str:
    parts = [_member(getattr(message, member.attribute), member) for member in schema.members]
    return f"[ {''.join(f'{part} ' for part in parts)}]"


def _member(value: object, member: Member) -> str:
    name = "choice" if member.kind is Kind.CHOICE else member.name
    return f"{name} = {_value(value, member)}"


def _value(value: object, member: Member) -> str:
    if value is None:
        return "NULL"
    match member.kind:
        case Kind.CHOICE:
            assert member.choice is not None
            alternative = member.choice.by_type[type(value)]
            return f"[ {alternative.name} = {_message(value, alternative.schema)} ]"
        case Kind.MESSAGE:
            assert member.schema is not None
            return _message(value, member.schema)
        case Kind.ARRAY:
            assert member.schema is not None
            assert isinstance(value, tuple)
            return f"[ {''.join(f'{_message(each, member.schema)} ' for each in value)}]"
        case Kind.STRING:
            return f'"{value}"'
        case Kind.BYTES:
            assert isinstance(value, bytes)
            return f'"{value.hex()}"'
        case Kind.BOOL:
            return "true" if value else "false"
        case _:  # a number, or the name of one
            return value.name if isinstance(value, IntEnum) else str(value)
