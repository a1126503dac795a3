"""The targets: what can be fuzzed, under which name, from which seeds.

A crash of any target is a defect, but for the canary: there it is its absence that is reported.

Where an id is asked for, the dotted name of a module will do, too: any module that has
`test_one_input(data: bytes)`, so that users fuzz parsers of their own with the same harness.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Final

from reference_broker.base import OperatorError
from suites.fuzz.core.seeds import core_seeds
from suites.fuzz.seeds.files import (
    ledger_seeds,
    log_segment_seeds,
    log_snapshot_seeds,
)
from suites.fuzz.seeds.messages import (
    ack_seeds,
    application_data_seeds,
    authentication_seeds,
    compression_seeds,
    confirm_seeds,
    control_ber_seeds,
    control_json_seeds,
    crc32c_seeds,
    encodings_seeds,
    negotiation_seeds,
    new_properties_seeds,
    old_properties_seeds,
    option_seeds,
    push_seeds,
    put_seeds,
    reject_seeds,
)
from suites.fuzz.seeds.recorded import broker_core_seeds, corpus, event_reader_seeds, no_seeds
from suites.fuzz.seeds.texts import (
    admin_seeds,
    broker_config_seeds,
    clusters_config_seeds,
    domain_config_seeds,
    expression_seeds,
    uri_seeds,
)
from suites.fuzz.targets.fuzz_broker_core import STAGE_BYTES

INPUT_BYTES_MAX: Final = 4096
#: Programs of the core: each instruction is a few bytes, and longer ones only take longer.
CORE_BYTES_MAX: Final = 192
#: What inputs can be, by the name that a target gives. Where the name ends with `-prefixed` the
#: target's `prefix_bytes` come first.
GRAMMARS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "": "any bytes",
        "stream": "events, one after the other",
        "stream-prefixed": "the same",
        "put-body": "the body of a PUT event: messages with options, data and padding",
        "push-body": "the body of a PUSH event, likewise",
        "ack-body": "the body of an ACK event: a list header and messages of 24 bytes",
        "confirm-body": "the body of a CONFIRM or REJECT event, likewise",
        "options": "an options area",
        "application-data-prefixed": "application data: properties and payload, perhaps compressed",
        "properties-old": "an area of properties in the old style, and a payload",
        "properties-new": "an area of properties in the new style, and a payload",
        "zlib": "a zlib stream",
        "ber-prefixed": "a control message in BER",
        "json-prefixed": "a control message in JSON",
        "ber-or-json-prefixed": "a control message; its first byte tells the encoding",
        "json": "a JSON document",
        "uri": "the text of a queue URI",
        "expression": "the text of a subscription expression",
        "admin": "the text of an admin command, in words or in JSON",
        "log-segment-prefixed": "a segment of the log: a head and records, all with checksums",
        "log-snapshot-prefixed": "a snapshot: a magic and records with checksums",
        "log-ledger-prefixed": "a ledger: a magic and records with checksums",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One thing to fuzz.

    Attributes:
        id: of its case in a report.
        title: the same in words.
        module: dotted name of the module with `test_one_input`.
        package: top-level package whose code gives coverage.
        seeds: gives inputs to begin with, by name.
        unguided_seeds: inputs to add where there is no coverage to guide the fuzzer.
        grammar: what an input is, behind its prefix, for a mutator that knows its structure; empty for
            plain bytes. See `GRAMMARS`.
        has_dictionary: whether the protocol's tokens are worth inserting.
        prefix_bytes: bytes of an input that choose what is done with the rest.
        input_bytes_max: longest input tried.
    """

    id: str
    title: str
    module: str
    package: str = "reference_broker"
    seeds: Callable[[], Mapping[str, bytes]] = no_seeds
    unguided_seeds: tuple[bytes, ...] = ()
    grammar: str = ""
    has_dictionary: bool = True
    prefix_bytes: int = 0
    input_bytes_max: int = INPUT_BYTES_MAX

    @property
    def function(self) -> Callable[[bytes], None]:
        """`test_one_input` itself, uninstrumented, in this process."""
        found: Callable[[bytes], None] = import_module(self.module).test_one_input
        return found

    @property
    def invariant(self) -> str:
        """The sentence that must hold: the first line of the module's docstring."""
        return (import_module(self.module).__doc__ or "").partition("\n")[0].replace("`", "")


EVENT_READER: Final = Target(
    id="FUZZ-EVENT-READER",
    title="The event reader and every decoder of bodies survive",
    module="suites.fuzz.targets.fuzz_event_reader",
    seeds=event_reader_seeds,
    grammar="stream",
)
BROKER_CORE: Final = Target(
    id="FUZZ-BROKER-CORE",
    title="The broker core and a bystander survive one connection",
    module="suites.fuzz.targets.fuzz_broker_core",
    seeds=broker_core_seeds,
    grammar="stream-prefixed",
    prefix_bytes=STAGE_BYTES,
)
CANARY: Final = Target(
    id="FUZZ-CANARY",
    title="The canary crashes",
    module="suites.fuzz.targets.canary",
    package="suites",
    unguided_seeds=(b"BMQ?",),
    has_dictionary=False,
)


def _part(
    name: str,
    title: str,
    seeds: Callable[[], Mapping[str, bytes]],
    grammar: str,
    *,
    prefix_bytes: int = 0,
    input_bytes_max: int = INPUT_BYTES_MAX,
    has_dictionary: bool = False,
) -> Target:
    """Return the target `fuzz_<name>`, whose seeds are also what is in `corpus/<name>/`."""
    return Target(
        id=f"FUZZ-{name.upper().replace('_', '-')}",
        title=title,
        module=f"suites.fuzz.targets.fuzz_{name}",
        seeds=lambda: {**seeds(), **corpus(name)},
        grammar=grammar,
        has_dictionary=has_dictionary,
        prefix_bytes=prefix_bytes,
        input_bytes_max=input_bytes_max,
    )


#: The targets of one part of the product each, from the wire to the disk.
PARTS: Final = (
    _part(
        "puts",
        "PUT messages, options and data survive, wherever they lie",
        put_seeds,
        "put-body",
        has_dictionary=True,
    ),
    _part(
        "pushes",
        "PUSH messages, options and data survive, wherever they lie",
        push_seeds,
        "push-body",
        has_dictionary=True,
    ),
    _part(
        "acks",
        "ACK lists survive, wherever they lie",
        ack_seeds,
        "ack-body",
        input_bytes_max=1024,
        has_dictionary=True,
    ),
    _part(
        "confirms",
        "CONFIRM lists survive, wherever they lie",
        confirm_seeds,
        "confirm-body",
        input_bytes_max=1024,
        has_dictionary=True,
    ),
    _part(
        "rejects",
        "REJECT lists survive, wherever they lie",
        reject_seeds,
        "confirm-body",
        input_bytes_max=1024,
        has_dictionary=True,
    ),
    _part(
        "options",
        "Options areas survive, wherever they lie",
        option_seeds,
        "options",
        input_bytes_max=512,
        has_dictionary=True,
    ),
    _part(
        "application_data",
        "Compressed or not, application data is read or refused",
        application_data_seeds,
        "application-data-prefixed",
        prefix_bytes=1,
        has_dictionary=True,
    ),
    _part(
        "properties_old",
        "Properties of the old style mean one thing to all readers",
        old_properties_seeds,
        "properties-old",
        input_bytes_max=1024,
        has_dictionary=True,
    ),
    _part(
        "properties_new",
        "Properties of the new style mean one thing to all readers",
        new_properties_seeds,
        "properties-new",
        input_bytes_max=1024,
        has_dictionary=True,
    ),
    _part(
        "compression",
        "Streams inflate within their limit",
        compression_seeds,
        "zlib",
        input_bytes_max=1024,
    ),
    _part(
        "crc32c",
        "Checksums are those of the definition",
        crc32c_seeds,
        "",
        prefix_bytes=2,
        input_bytes_max=128,
    ),
    _part(
        "control_ber",
        "Control messages in BER survive",
        control_ber_seeds,
        "ber-prefixed",
        prefix_bytes=1,
        input_bytes_max=2048,
        has_dictionary=True,
    ),
    _part(
        "control_json",
        "Control messages in JSON survive",
        control_json_seeds,
        "json-prefixed",
        prefix_bytes=1,
        input_bytes_max=2048,
        has_dictionary=True,
    ),
    _part(
        "encodings",
        "BER and JSON say the same",
        encodings_seeds,
        "ber-or-json-prefixed",
        prefix_bytes=1,
        input_bytes_max=2048,
        has_dictionary=True,
    ),
    _part(
        "negotiation",
        "Identities are judged by the rules",
        negotiation_seeds,
        "ber-or-json-prefixed",
        prefix_bytes=1,
        input_bytes_max=1024,
        has_dictionary=True,
    ),
    _part(
        "authentication",
        "Credentials are judged by the rules",
        authentication_seeds,
        "ber-or-json-prefixed",
        prefix_bytes=1,
        input_bytes_max=512,
        has_dictionary=True,
    ),
    _part(
        "uri",
        "Queue URIs are those of the grammar",
        uri_seeds,
        "uri",
        input_bytes_max=128,
    ),
    _part(
        "expression",
        "Expressions say what a witness says",
        expression_seeds,
        "expression",
        input_bytes_max=160,
    ),
    _part(
        "admin_command",
        "Admin commands say the same in words and in JSON",
        admin_seeds,
        "admin",
        input_bytes_max=1024,
    ),
    _part(
        "broker_config",
        "The broker's file is read, or the operator told what to mend",
        broker_config_seeds,
        "json",
        input_bytes_max=2048,
    ),
    _part(
        "clusters_config",
        "The clusters file is read, or the operator told what to mend",
        clusters_config_seeds,
        "json",
        input_bytes_max=2048,
    ),
    _part(
        "domain_config",
        "A domain's file is read, or the operator told what to mend",
        domain_config_seeds,
        "json",
        input_bytes_max=2048,
    ),
    _part(
        "log_segment",
        "A partition is recovered from any segment, or the damage named",
        log_segment_seeds,
        "log-segment-prefixed",
        prefix_bytes=1,
        input_bytes_max=2048,
    ),
    _part(
        "log_snapshot",
        "A partition is recovered beside any snapshot, or the damage named",
        log_snapshot_seeds,
        "log-snapshot-prefixed",
        prefix_bytes=1,
        input_bytes_max=2048,
    ),
    _part(
        "ledger",
        "The ledger is recovered from any file, or the damage named",
        ledger_seeds,
        "log-ledger-prefixed",
        prefix_bytes=1,
        input_bytes_max=1024,
    ),
)
#: Programs of what several clients do: the core with all that it remembers.
CORE: Final = _part(
    "core",
    "The core keeps its promises to several clients",
    core_seeds,
    "",
    input_bytes_max=CORE_BYTES_MAX,
)

TARGETS: Final[Mapping[str, Target]] = MappingProxyType(
    {target.id: target for target in (EVENT_READER, BROKER_CORE, CORE, *PARTS, CANARY)}
)
#: Run when nothing is asked for, beside the canary; the first gets the whole time.
SMOKE: Final = (EVENT_READER, BROKER_CORE)
#: All that must not crash.
ALL: Final = (EVENT_READER, BROKER_CORE, CORE, *PARTS)


def find_target(name: str) -> Target:
    """Return the target with an id, or one made of a module's dotted name.

    Raises:
        OperatorError: there is neither.
    """
    if name in TARGETS:
        return TARGETS[name]
    try:
        is_module = "." in name and importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        is_module = False
    if not is_module or not hasattr(import_module(name), "test_one_input"):
        known = ", ".join(TARGETS)
        raise OperatorError(
            f"{name!r} is no case of the fuzz suite (those are FUZZ-CORPUS, {known}) "
            "and no module with a function test_one_input(data)"
        )
    return Target(
        id=name,
        title=f"{name} survives",
        module=name,
        package=name.partition(".")[0],
        has_dictionary=False,
    )
