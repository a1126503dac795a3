"""Seeds that are parts of events: bodies, options, properties, streams, control messages.

They are taken from the recorded events and from the corpus of the event reader, and made with the
encoders of the wire room. What stands in front of a part, such as the number of an encoding, is
written in the target that takes it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from reference_broker.base import WireError
from reference_broker.base.limits import EVENT_BYTES_MAX, MESSAGE_GROUP_ID_BYTES_MAX
from reference_broker.wire import (
    FLAG_MESSAGE_PROPERTIES,
    Event,
    EventReader,
    EventType,
    compress,
    decompress,
    iter_puts,
)
from reference_broker.wire.control import (
    AuthenticationMessage,
    AuthenticationRequest,
    ClientIdentity,
    ClientLanguage,
    ClientType,
    Encoding,
    NegotiationMessage,
    decode_message,
    encode_message,
)
from reference_broker.wire.options import (
    RDA_POISONOUS,
    SubQueueInfo,
    encode_message_group_id,
    encode_sub_queue_ids_old,
    encode_sub_queue_infos,
)
from reference_broker.wire.properties import (
    PropertiesLike,
    Property,
    PropertyType,
    encode_properties,
)
from reference_broker.wire.push import iter_pushes
from suites.fuzz.oracles.bodies import MESSAGE_TYPES
from suites.fuzz.seeds.recorded import event_reader_seeds
from suites.fuzz.seeds.texts import json_samples
from suites.fuzz.targets.fuzz_application_data import COMPRESSED_BIT, PROPERTIES_BIT, SCHEMA_SHIFT
from suites.fuzz.targets.fuzz_authentication import CREDENTIALS, GUARDS_BIT
from suites.fuzz.targets.fuzz_encodings import JSON_BIT

#: What the first byte of an input for `fuzz_application_data` has room for.
_SCHEMA_MAX: Final = 63
#: Larger areas only slow a run down.
_AREA_BYTES_MAX: Final = 512
_PADDING: Final = b"\1\2\3\4"
_ZLIB_START: Final = b"\x78"
_PROPERTIES: Final[Mapping[str, PropertiesLike]] = {
    "numbers": {"i": 5, "l": -(2**63), "b": True},
    "texts": {"s": "foo", "bin": b"\0\1", "e": ""},
    "all": [
        Property("b", PropertyType.BOOL, value=False),
        Property("c", PropertyType.CHAR, b"\xff"),
        Property("h", PropertyType.SHORT, -2),
        Property("i", PropertyType.INT32, 2**31 - 1),
        Property("l", PropertyType.INT64, -1),
        Property("s", PropertyType.STRING, "x" * 9),
        Property("y", PropertyType.BINARY, bytes(3)),
    ],
    "many": {f"p{number}": number for number in range(20)},
}


def body_seeds(event_type: EventType) -> dict[str, bytes]:
    """Return the bodies of all events of a type."""
    return {name: event.body for name, event in _events() if event.type == event_type}


def put_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_puts`."""
    return body_seeds(EventType.PUT)


def push_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_pushes`."""
    return body_seeds(EventType.PUSH)


def ack_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_acks`."""
    return body_seeds(EventType.ACK) | _lists("confirm", body_seeds(EventType.CONFIRM))


def confirm_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_confirms`."""
    return body_seeds(EventType.CONFIRM) | _lists("reject", body_seeds(EventType.REJECT))


def reject_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_rejects`."""
    return body_seeds(EventType.REJECT) | _lists("confirm", body_seeds(EventType.CONFIRM))


def _lists(name: str, seeds: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return seeds of another type of event that is a list, too."""
    return {f"{name}_{key}": data for key, data in seeds.items()}


def option_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_options`: areas of recorded messages, and made ones."""
    found = {name: message.options for name, message in _messages() if message.options}
    infos = [SubQueueInfo(7, 5), SubQueueInfo(8, RDA_POISONOUS | 1)]
    group = encode_message_group_id("a group")
    made = {
        "infos": encode_sub_queue_infos(infos),
        "packed": encode_sub_queue_infos([SubQueueInfo(0, 3)]),
        "old_ids": encode_sub_queue_ids_old([1, 2, 3]),
        "group": group,
        "all": encode_sub_queue_ids_old([1]) + group + encode_sub_queue_infos(infos),
        "longest_group": encode_message_group_id("g" * MESSAGE_GROUP_ID_BYTES_MAX),
    }
    return found | made


def application_data_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_application_data`: what headers say of it, and the data."""
    return {name: bytes([message.said]) + message.data for name, message in _messages()}


def old_properties_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_properties_old`."""
    return _areas(is_new_style=False)


def new_properties_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_properties_new`."""
    return _areas(is_new_style=True)


def _areas(*, is_new_style: bool) -> dict[str, bytes]:
    """Return application data with properties: recorded, inflated if need be, and made."""
    found: dict[str, bytes] = {}
    for name, message in _messages():
        if not message.said & PROPERTIES_BIT or bool(message.schema) != is_new_style:
            continue
        is_whole = is_new_style or not message.said & COMPRESSED_BIT
        with suppress(WireError):
            found[name] = message.data if is_whole else decompress(message.data)
    for name, properties in _PROPERTIES.items():
        area = encode_properties(properties, new_style=is_new_style)
        found[f"made_{name}"] = area + b"payload"
    name_of_no_text = encode_properties({"i": 5, "zz": b""}, new_style=is_new_style)
    found["no_utf8"] = name_of_no_text.replace(b"zz", b"\xff\xff")
    found["cut_off"] = name_of_no_text[:-5]
    return {name: data for name, data in found.items() if len(data) <= _AREA_BYTES_MAX}


def compression_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_compression`: recorded streams, and made ones."""
    found = {
        name: message.data for name, message in _messages() if message.data.startswith(_ZLIB_START)
    }
    made = {
        "nothing": compress(b""),
        "text": compress(b"the same again, " * 8),
        "stored": zlib.compress(bytes(range(64)), 0),
        "limit": compress(bytes(4096)),
        "beyond": compress(bytes(4097)),
        "bomb": compress(bytes(200_000)),
        "surplus": compress(b"x") + b"y",
        "cut": compress(b"cut off here")[:-3],
    }
    return found | made


def crc32c_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_crc32c`."""
    texts = (b"", b"123456789", bytes(32), b"\xff" * 32, bytes(range(70)))
    return {f"bytes_{len(text)}_{cut}": bytes([0, cut]) + text for text in texts for cut in (0, 5)}


def control_ber_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_control_ber`."""
    return _control_seeds(Encoding.BER, 0)


def control_json_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_control_json`."""
    return _control_seeds(Encoding.JSON, 0)


def encodings_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_encodings`: all of those in BER and in JSON."""
    in_ber = _control_seeds(Encoding.BER, 0)
    in_json = _control_seeds(Encoding.JSON, JSON_BIT)
    return {f"ber_{name}": data for name, data in in_ber.items()} | {
        f"json_{name}": data for name, data in in_json.items()
    }


def negotiation_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_negotiation`."""
    made = {
        f"made_{client_type.name}_{language.name}_{version}": NegotiationMessage(
            choice=ClientIdentity(
                client_type=client_type,
                sdk_language=language,
                sdk_version=version,
                cluster_name="c" if client_type is ClientType.E_TCPBROKER else "",
            )
        )
        for client_type in ClientType
        for language in ClientLanguage
        for version in (1, 10_500)
    }
    return _in_both(NegotiationMessage, made)


def authentication_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_authentication`, with each of its two judges."""
    requests = [
        *(("BASIC", f"{user}:{password}".encode()) for user, password in CREDENTIALS.items()),
        *(("BASIC", b"user:wrong"), ("basic", b"user:secret"), ("BASIC", b"user")),
        *(("TEST", None), ("ANONYMOUS", None), ("none", b""), ("", b"")),
    ]
    made = {
        f"made_{number}": AuthenticationMessage(
            choice=AuthenticationRequest(mechanism=mechanism, data=data)
        )
        for number, (mechanism, data) in enumerate(requests)
    }
    found = _in_both(AuthenticationMessage, made)
    guarded = {
        f"guarded_{name}": bytes([data[0] | GUARDS_BIT]) + data[1:] for name, data in found.items()
    }
    return found | guarded


def _in_both(kind: type[object], made: Mapping[str, object]) -> dict[str, bytes]:
    """Return recorded and made messages of one kind behind the number of their encoding."""
    found: dict[str, bytes] = {}
    for encoding in Encoding:
        recorded = _recorded_messages(kind)
        for name, message in (*recorded.items(), *made.items()):
            written = encode_message(message, encoding)
            found[f"{name}_{encoding.name}"] = bytes([encoding]) + written
    return found


def _control_seeds(encoding: Encoding, bits: int) -> dict[str, bytes]:
    """Return all recorded messages in an encoding, behind the number of what they are."""
    found: dict[str, bytes] = {}
    for number, kind in enumerate(MESSAGE_TYPES):
        for name, message in _recorded_messages(kind).items():
            found[name] = bytes([bits | number]) + encode_message(message, encoding)
        for name, body in _recorded_bodies(kind, encoding):
            found[f"{name}_as_recorded"] = bytes([bits | number]) + body
            if encoding is Encoding.JSON:
                spaced = json.dumps(json.loads(body.rstrip(_PADDING)), indent=1, sort_keys=True)
                found[f"{name}_spaced"] = bytes([bits | number]) + spaced.encode()
    return found


def _recorded_messages(kind: type[object]) -> dict[str, object]:
    return {
        name: decode_message(kind, encoding, body)
        for encoding in Encoding
        for name, body in _recorded_bodies(kind, encoding)
    }


def _recorded_bodies(kind: type[object], encoding: Encoding) -> Iterator[tuple[str, bytes]]:
    """Yield the recorded messages of a kind in one encoding: those with something chosen."""
    types = (EventType.CONTROL, EventType.AUTHENTICATION, EventType.ELECTOR)
    bodies = [
        (name, event.body)
        for name, event in _events()
        if event.type in types and event.encoding == encoding
    ]
    if encoding is Encoding.JSON:
        bodies += json_samples().items()
    for name, body in bodies:
        with suppress(WireError):
            if getattr(decode_message(kind, encoding, body), "choice", None) is not None:
                yield name, body


class _Message(NamedTuple):
    """A message of a PUT or PUSH event, in the parts that are read by themselves."""

    said: int
    schema: int
    options: bytes
    data: bytes


def _messages() -> Iterator[tuple[str, _Message]]:
    """Yield the messages of all PUT and PUSH events that are not malformed."""
    for name, event in _events():
        buffer, start, end = event.buffer, event.start, event.end
        with suppress(WireError):
            if event.type == EventType.PUT:
                puts = [
                    (put[0], put[1], put[5], *put[6:9]) for put in iter_puts(buffer, start, end)
                ]
            elif event.type == EventType.PUSH:
                puts = [(push[0], push[1], *push[4:8]) for push in iter_pushes(buffer, start, end)]
            else:
                continue
            for number, (flags, compression, schema, options, data, data_end) in enumerate(puts):
                said = min(schema, _SCHEMA_MAX) << SCHEMA_SHIFT
                said |= COMPRESSED_BIT if compression else 0
                said |= PROPERTIES_BIT if flags & FLAG_MESSAGE_PROPERTIES else 0
                parts = buffer[options:data], buffer[data:data_end]
                yield f"{name}_{number}", _Message(said, schema, *parts)


def _events() -> Iterator[tuple[str, Event]]:
    """Yield all recorded events, and those of the corpus, up to where one is malformed."""
    for name, data in event_reader_seeds().items():
        with suppress(WireError):
            for number, event in enumerate(EventReader(EVENT_BYTES_MAX).feed(data)):
                yield f"{name}_{number}" if number else name, event
