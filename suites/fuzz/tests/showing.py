"""For each mistake that is seeded, an input that shows it: whoever makes the mistake fails on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reference_broker.storage import RECORD_HEADER_SIZE, SNAPSHOT_MAGIC, RecordKind
from reference_broker.wire.control import (
    ClientIdentity,
    ClientType,
    Encoding,
    NegotiationMessage,
    encode_message,
)
from suites.fuzz.oracles.log_bench import record, with_right_records
from suites.fuzz.registry import TARGETS

_GUID: Final = b"\x40" + bytes(15)
_IDENTITY: Final = NegotiationMessage(
    choice=ClientIdentity(
        protocol_version=1,
        client_type=ClientType.E_TCPCLIENT,
        features="PROTOCOL_ENCODING:JSON,BER",
    )
)
#: Deeper than Python's stack.
_DEEP: Final = 1_000


def _seed(target_id: str, name: str, *changes: tuple[str, str]) -> tuple[str, bytes]:
    """Return a seed of a target, with parts of its text replaced."""
    data = TARGETS[target_id].seeds()[name]
    for old, new in changes:
        assert old.encode() in data, (name, old)
        data = data.replace(old.encode(), new.encode(), 1)
    return target_id, data


def _snapshot(kind: RecordKind, body: bytes) -> tuple[str, bytes]:
    """Return a snapshot that has one more record before its end."""
    whole = TARGETS["FUZZ-LOG-SNAPSHOT"].seeds()["file2_mode1"][1:]
    more = b"".join(record(kind, 0, body))
    content = whole[:-RECORD_HEADER_SIZE] + more + whole[-RECORD_HEADER_SIZE:]
    return "FUZZ-LOG-SNAPSHOT", b"\1" + with_right_records(content, SNAPSHOT_MAGIC)


#: The target, and an input that it survives unless the mistake is made, by the mistake's name.
SHOWN: Final[Mapping[str, tuple[str, bytes]]] = {
    "event-shorter-than-its-header": ("FUZZ-EVENT-READER", bytes.fromhex("00000007000000")),
    "event-header-longer-than-its-event": (
        "FUZZ-EVENT-READER",
        bytes.fromhex("000000084bff0000"),
    ),
    "reader-goes-on-behind-an-error": ("FUZZ-EVENT-READER", bytes.fromhex("00000000")),
    "put-without-padding": (
        "FUZZ-PUTS",
        bytes.fromhex("0000000a 00000009 00000000") + _GUID + bytes(8) + b"abc\0",
    ),
    "put-data-before-its-options": (
        "FUZZ-PUTS",
        bytes.fromhex("00000000 00000009 00000000") + _GUID + bytes(8) + b"abc\1",
    ),
    "put-header-of-seven-words": (
        "FUZZ-PUTS",
        bytes.fromhex("00000009 00000007 00000000") + _GUID + bytes(4) + b"abc\1",
    ),
    "push-schema-behind-an-old-header": (
        "FUZZ-PUSHES",
        bytes.fromhex("10000007 00000007 00000000") + _GUID,
    ),
    "list-header-beyond-its-body": ("FUZZ-ACKS", bytes.fromhex("e6000000")),
    "list-of-broken-messages": ("FUZZ-ACKS", bytes.fromhex("16000000") + bytes(20)),
    "list-of-messages-of-five-words": ("FUZZ-CONFIRMS", bytes.fromhex("15000000") + bytes(20)),
    "option-without-a-word": ("FUZZ-OPTIONS", bytes.fromhex("04000000")),
    "option-of-words-for-bytes": ("FUZZ-OPTIONS", bytes.fromhex("08000003 61626301")),
    "group-id-that-ends-before-it-begins": (
        "FUZZ-OPTIONS",
        bytes.fromhex("08000004") + b"g" * 11 + b"\x11",
    ),
    "properties-longer-than-the-data": (
        "FUZZ-PROPERTIES-OLD",
        bytes.fromhex("1b0000080002"),
    ),
    "property-offsets-backwards": (
        "FUZZ-PROPERTIES-NEW",
        bytes.fromhex("1b000008 0002 14000000 0001 1c000009 0402 690004000000000005ffff 030303"),
    ),
    "lookup-of-bools-of-any-byte": (
        "FUZZ-PROPERTIES-OLD",
        bytes.fromhex("1b000004 0001 04000001 0001") + b"b\2\2\2",
    ),
    "bomb-judged-by-its-packed-size": _seed("FUZZ-PUTS", "put_zlib_bomb"),
    "ber-length-beyond-the-end": ("FUZZ-CONTROL-BER", bytes.fromhex("003084")),
    "ber-lengths-with-a-sign": (
        "FUZZ-NEGOTIATION",
        bytes.fromhex("00 3080 a080 a080 800101 820101 0000 0000 0000"),
    ),
    "ber-end-of-contents-of-one-octet": (
        "FUZZ-CONTROL-BER",
        bytes.fromhex("00 3080 be80 00"),
    ),
    "ber-integers-wider-than-their-type": (
        "FUZZ-CONTROL-BER",
        bytes.fromhex("00 3080 80 05 0100000000 0000"),
    ),
    "ber-skips-by-recursion": ("FUZZ-CONTROL-BER", b"\0\x30\x80" + b"\xbe\x80" * (_DEEP // 2)),
    "json-nested-as-deep-as-it-likes": ("FUZZ-CONTROL-JSON", b"\0" + b"[" * _DEEP),
    "json-strings-of-half-pairs": (
        "FUZZ-AUTHENTICATION",
        b'\1{"authenticationRequest":{"mechanism":"\\ud800"}}',
    ),
    "json-counts-below-nothing": ("FUZZ-ENCODINGS", b'\x83{"term":-1,"":{}}'),
    "nodes-of-clusters-let-in": (
        "FUZZ-NEGOTIATION",
        b'\1{"clientIdentity":{"clientType":"E_TCPCLIENT","clusterName":"c","clusterNodeId":1}}',
    ),
    "first-encoding-decides": (
        "FUZZ-NEGOTIATION",
        b"\0" + encode_message(_IDENTITY, Encoding.BER),
    ),
    "beginning-of-a-password-is-enough": (
        "FUZZ-AUTHENTICATION",
        b'\3{"authenticationRequest":{"mechanism":"BASIC","data":"dXNlcjo="}}',
    ),
    "uri-with-an-empty-tier": ("FUZZ-URI", b"bmq://d.~/q"),
    "uri-query-by-its-beginning": ("FUZZ-URI", b"bmq://d/q?ids=c"),
    "uri-of-a-name-too-long": ("FUZZ-URI", b"bmq://d/" + b"q" * 65),
    "expression-strings-tried-in-every-way": ("FUZZ-EXPRESSION", b'"' + b"a" * 40),
    "expression-comparisons-in-a-row": ("FUZZ-EXPRESSION", b"i == i == i"),
    "expression-properties-not-counted": ("FUZZ-EXPRESSION", b"&&".join([b"b"] * 11)),
    "expression-quotients-rounded-down": ("FUZZ-EXPRESSION", b"-7 / 2 == -3 && b"),
    "expression-minimum-by-minus-one": ("FUZZ-EXPRESSION", b"min / -1 == 1"),
    "command-with-numbers-of-any-size": (
        "FUZZ-ADMIN-COMMAND",
        b"DOMAINS DOMAIN d QUEUE q LIST 0 9999999999",
    ),
    "command-with-half-negative-offsets": ("FUZZ-ADMIN-COMMAND", b"STAT SET x 10:20:30-05:30"),
    "command-strings-tried-in-every-way": ("FUZZ-ADMIN-COMMAND", b'{"' + b"a" * 40),
    "config-integer-too-large-for-a-float": _seed(
        "FUZZ-DOMAIN-CONFIG",
        "broadcast",
        ('WatermarkRatio": 0.5', 'WatermarkRatio": 1' + "0" * 400),
    ),
    "config-number-with-a-tail": _seed(
        "FUZZ-DOMAIN-CONFIG", "broadcast", ('"messageTtl": "1"', '"messageTtl": "1s"')
    ),
    "config-bool-of-anything": _seed(
        "FUZZ-BROKER-CONFIG", "listeners", ('"tls": false', '"tls": []')
    ),
    "config-choice-of-nothing": _seed(
        "FUZZ-CLUSTERS-CONFIG",
        "usual",
        ('{"tcp": {"endpoint": "tcp://localhost:30114"}}', "{}"),
    ),
    "config-nested-as-deep-as-it-likes": ("FUZZ-BROKER-CONFIG", b"[" * _DEEP),
    "log-record-of-unknown-kind": (
        "FUZZ-LOG-SEGMENT",
        b"\1" + TARGETS["FUZZ-LOG-SEGMENT"].seeds()["segment1_place0_mode1"][1:41]
        + b"".join(record(99, 0, b"")),
    ),
    "log-record-of-a-removed-queue": _seed("FUZZ-LOG-SNAPSHOT", "odd"),
    "snapshot-columns-cut-short": _snapshot(RecordKind.MESSAGES, bytes.fromhex("00000001 00000001") + bytes(8)),
    "snapshot-with-half-a-guid": _snapshot(RecordKind.HISTORY, bytes.fromhex("00000001") + bytes(7)),
    "ledger-of-queues-never-assigned": _seed("FUZZ-LEDGER", "changes"),
    "admins-may-post": ("FUZZ-CORE", bytes.fromhex("80810488")),
    "authenticated-twice": ("FUZZ-CORE", bytes.fromhex("808282")),
    "closed-stream-kept": ("FUZZ-CORE", bytes.fromhex("02a5")),
    "closed-id-kept": ("FUZZ-CORE", bytes.fromhex("5b9d83")),
    "opened-for-who-is-gone": _seed("FUZZ-BROKER-CORE", "open_then_bad_header"),
    "writer-counted-out-twice": (
        "FUZZ-CORE",
        bytes.fromhex("01832500850000831501a31501c31501"),
    ),
    "opened-while-congested": ("FUZZ-CORE", bytes.fromhex("01b1a30000a40000a60400")),
    "confirmed-message-still-waits": (
        "FUZZ-CORE",
        bytes.fromhex("02a40001860800c50001a70200a70000a70000"),
    ),
    "first-message-not-given-back": ("FUZZ-CORE", bytes.fromhex("0286ac")),
    "last-attempt-is-one-more": (
        "FUZZ-CORE",
        bytes.fromhex("01831786a327a4aca0a1a327a4ac"),
    ),
}  # fmt: skip
