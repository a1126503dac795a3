"""A control message in JSON decodes and survives encoding, or is refused with a WireError inside it.

The first byte of an input says which message is expected, as in `fuzz_control_ber`. The rest is the
payload of an event, with or without padding. For every payload, beside what `bodies` says of
messages:

- what is decoded is an object for Python's own parser, and says what that object says: the one
  alternative in it that there is, and each member that was written in it;
- padding behind what is written of it changes nothing;
- it can be printed.

Accepted rejections: `WireError`.
"""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

from reference_broker.base.limits import CONTROL_NESTING_MAX
from reference_broker.wire import pad
from reference_broker.wire.control import Encoding, decode_message, encode_message, print_message
from suites.fuzz.oracles.bodies import MESSAGE_TYPES, check_message

#: Bytes in front of the payload.
PREFIX_BYTES: Final = 1
_PADDING: Final = b"\1\2\3\4"


def test_one_input(data: bytes) -> None:
    """Decode the payload.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    if not data:
        return
    message_type = MESSAGE_TYPES[data[0] % len(MESSAGE_TYPES)]
    payload = data[PREFIX_BYTES:]
    message = check_message(message_type, Encoding.JSON, payload)
    if message is None:
        return
    tree = json.loads(payload.rstrip(_PADDING).decode())
    assert isinstance(tree, dict), f"{tree!r:.80} is taken for {message}"
    depth = _depth(tree)
    assert depth <= CONTROL_NESTING_MAX, f"{depth} levels are accepted"
    written = encode_message(message, Encoding.JSON)
    _check_choice(message_type, message, tree)
    _check_members(tree, json.loads(written))
    again = decode_message(message_type, Encoding.JSON, pad(written))
    assert again == message, f"{message}, and with padding {again}"
    assert print_message(message).startswith("[ "), message


def _depth(tree: object) -> int:
    if isinstance(tree, dict):
        return 1 + max(map(_depth, tree.values()), default=0)
    if isinstance(tree, list):
        return 1 + max(map(_depth, tree), default=0)
    return 0


def _alternatives(message_type: type) -> dict[str, type]:
    """Return what a message can hold, by the names in JSON."""
    hint = get_type_hints(message_type, include_extras=True)["choice"]
    kinds = [get_args(part)[0] for part in get_args(hint) if get_origin(part) is Annotated]
    return {kind.__name__[0].lower() + kind.__name__[1:]: kind for kind in kinds}


_ALTERNATIVES: Final[dict[type, dict[str, type]]] = {
    kind: _alternatives(kind) for kind in MESSAGE_TYPES
}


def _check_choice(message_type: type, message: Any, tree: dict[str, object]) -> None:
    """Check that what is chosen is what is there, if there is one."""
    known = _ALTERNATIVES[message_type]
    given = [name for name in tree if name in known]
    if len(given) == 1:
        kind = known[given[0]]
        assert type(message.choice) is kind, f"{given[0]} is taken for {message.choice}"
    assert given or message.choice is None, f"nothing is chosen, but {message.choice} is found"


def _check_members(given: dict[str, Any], told: dict[str, Any]) -> None:
    """Check that members that are in both objects are the same."""
    for name in given.keys() & told.keys():
        one, other = given[name], told[name]
        if isinstance(one, dict) and isinstance(other, dict):
            _check_members(one, other)
        elif isinstance(one, list) and isinstance(other, list):
            assert len(one) == len(other), f"{name} has {len(one)} elements, not {len(other)}"
            for each, written in zip(one, other, strict=True):
                _check_members(each, written)
        elif one is not None:
            assert _is_same(one, other), f"{name} is {one!r}, but {other!r} is written"


def _is_same(given: object, told: object) -> bool:
    """Compare two values: a number may have quotes, and stand for a name; base64 has free bits."""
    if given == told:
        return True
    if isinstance(given, int) and isinstance(told, str):
        return told.startswith("E_")
    if isinstance(given, str) and isinstance(told, int):
        return int(given) == told
    texts = isinstance(given, str) and isinstance(told, str)
    return texts and base64.b64decode(str(given)) == base64.b64decode(str(told))
