"""Where fuzzing begins: recorded events, a few handmade sessions, and inputs that once mattered.

Recorded vectors are read from the package of the wire room, so there is one copy of them. Files in
`corpus/<target>/` are hex digits with `#` comments, one input a file: malformed frames worth
starting from, and every input that once crashed the target.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from reference_broker.wire import (
    FLAG_ACK_REQUESTED,
    FLAG_MESSAGE_PROPERTIES,
    Put,
    confirm_event,
    put_event,
)
from reference_broker.wire.control import AdminCommand
from reference_broker.wire.properties import encode_properties
from suites.fuzz.oracles.broker_bench import (
    CLUSTER_NAME,
    FANOUT_APP,
    FANOUT_SUB_ID,
    MEMORY_QUEUE,
    configuring,
    requests,
)
from suites.fuzz.targets.fuzz_broker_core import Stage

_VECTORS: Final = ("reference_broker.wire.tests", "vectors")
_CORPUS: Final = ("suites.fuzz", "corpus")
_SUFFIX: Final = ".hex"
_WHOLE_SESSION: Final = (
    "c2b_negotiation_clientIdentity_ber",
    "c2b_openQueue_readwrite_default",
    "c2b_configureStream_01",
    "c2b_put_old_plain_hello_ack",
    "c2b_put_retransmission_batch",
    "c2b_confirm_default_app",
    "c2b_heartbeat_rsp",
    "c2b_closeQueue_03",
    "c2b_disconnect",
)
_DOMAIN: Final = f"DOMAINS DOMAIN {MEMORY_QUEUE.split('/')[2]}"
_CLUSTER: Final = f"CLUSTERS CLUSTER {CLUSTER_NAME}"
#: A command of each kind, in both forms.
_ADMIN_COMMANDS: Final = (
    "HELP",
    "BROKERCONFIG DUMP",
    f"{_DOMAIN} INFOS",
    f"{_DOMAIN} QUEUE q1 LIST 0 10",
    f"{_DOMAIN} QUEUE q1 INTERNALS",
    f"{_DOMAIN} PURGE",
    "DOMAINS RECONFIGURE fuzz.fanout",
    "DOMAINS REMOVE fuzz.fanout",
    "STAT SHOW",
    "CLUSTERS LIST",
    f"{_CLUSTER} STATUS",
    f"{_CLUSTER} STORAGE SUMMARY",
    f"{_CLUSTER} STORAGE PARTITION ALL ROLLOVER",
    f"{_CLUSTER} STATE ELECTOR SET QUORUM 2",
    '{"stat":{"show":{}},"encoding":"JSON_PRETTY"}',
)
_EXPRESSIONS: Final = ("price > 5 && exists(name)", 'name == "pear" || -price * 2 <= 1')


def parse_hex(text: str) -> bytes:
    """Return the bytes of a hex file: digits, white space, and lines that start with `#`.

    Raises:
        ValueError: something else is in it.
    """
    return bytes.fromhex("".join(line for line in text.splitlines() if not line.startswith("#")))


def vectors() -> dict[str, bytes]:
    """Return every recorded event by name."""
    package, folder = _VECTORS
    found = dict(_read(files(package).joinpath(folder)))
    assert found, f"{package} holds no recorded vectors"
    return found


def corpus(name: str) -> dict[str, bytes]:
    """Return the files of `corpus/<name>/` by name; none if there is no such folder."""
    package, folder = _CORPUS
    place = files(package).joinpath(folder, name)
    return dict(_read(place)) if place.is_dir() else {}


def _read(folder: Traversable) -> Iterator[tuple[str, bytes]]:
    for item in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if item.name.endswith(_SUFFIX):
            yield item.name.removesuffix(_SUFFIX), parse_hex(item.read_text("ascii"))


def event_reader_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_event_reader`: mostly one event each.

    Long streams are left out on purpose: no event changes how the next one is read, and one seed of
    nine events slows the whole run down by a third.
    """
    return vectors() | corpus("event_reader")


def broker_core_seeds() -> dict[str, bytes]:
    """Return seeds for `fuzz_broker_core`: a stage, then what a client sends."""
    recorded = vectors()
    found = {
        f"stage{stage}_{name}": bytes([stage]) + data
        for name, data in recorded.items()
        if name.startswith("c2b_")
        for stage in Stage
    }
    found["whole_session"] = b"\0" + b"".join(recorded[name] for name in _WHOLE_SESSION)
    return found | _fanout_seeds() | _admin_seeds() | corpus("broker_core")


def _fanout_seeds() -> dict[str, bytes]:
    """Return sessions with expressions, for one app and for a queue without."""
    guid = bytes.fromhex("400001000000000000000000b15a0002")
    area = encode_properties({"price": 7, "name": "pear"}, new_style=True)
    flags = FLAG_ACK_REQUESTED | FLAG_MESSAGE_PROPERTIES
    put = put_event([Put(0, guid, area + b"fruit", flags, schema=1)])
    as_app = requests(configuring(0, FANOUT_APP, _EXPRESSIONS))
    plain = requests(configuring(0, expressions=_EXPRESSIONS))
    return {
        "fanout_subscriptions": bytes([Stage.FANOUT])
        + as_app
        + put
        + confirm_event([(0, guid, FANOUT_SUB_ID)]),
        "subscriptions": bytes([Stage.MEMORY]) + plain + put + confirm_event([(0, guid, 0)]),
    }


def _admin_seeds() -> dict[str, bytes]:
    return {
        f"admin_{number}": bytes([Stage.ADMIN]) + requests(AdminCommand(command))
        for number, command in enumerate(_ADMIN_COMMANDS)
    }


def no_seeds() -> dict[str, bytes]:
    """Return nothing: the fuzzer begins with an empty input."""
    return {}
