"""Errors by blame.

| whose fault   | type            | what follows                                         |
|---------------|-----------------|------------------------------------------------------|
| the peer's    | `PeerError`     | one connection is closed; everyone else goes on      |
| ours          | `AssertionError`| the process stops: an invariant is broken            |
| the operator's| `OperatorError` | a message that names the value and says what to do   |
"""

from __future__ import annotations


class BrokerError(Exception):
    """Any error that this package raises on purpose."""


class PeerError(BrokerError):
    """The peer broke the protocol; its connection is closed and nobody else notices."""


class OperatorError(BrokerError):
    """The operator can mend this: a configuration, a path, a port."""


class WireError(PeerError):
    """Bytes that are not what the protocol says.

    Args:
        field: the field at fault, as a path: `PUT[2].messageWords`.
        value: the offending value, already printable.
        rule: what the value would have had to be, with the limit in it.
        offset: byte offset inside the area that was decoded: the event header, the body of the
            event, or the properties area.
    """

    __slots__ = ("field", "offset", "rule", "value")

    def __init__(self, field: str, value: object, rule: str, offset: int) -> None:
        super().__init__(f"{field} is {value} but {rule} (at byte {offset})")
        self.field = field
        self.value = value
        self.rule = rule
        self.offset = offset
