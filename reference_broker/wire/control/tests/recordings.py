"""The recorded events that carry schema messages, for the tests of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from reference_broker.wire import tests as wire_tests
from reference_broker.wire.control import (
    AuthenticationMessage,
    ControlMessage,
    ElectorMessage,
    Encoding,
    NegotiationMessage,
)

assert wire_tests.__file__ is not None
VECTORS = Path(wire_tests.__file__).with_name("vectors")

CONTROL, CLUSTER_STATE, ELECTOR, AUTHENTICATION = 1, 6, 7, 15
# These hold no event, or a whole file.
NOT_EVENTS = ("real_file_", "ref_ber_", "constructed_csl_")


class Recorded(NamedTuple):
    """One recorded event.

    Attributes:
        name: the file, and for a transcript the line.
        data: the whole event.
    """

    name: str
    data: bytes

    @property
    def event_type(self) -> int:
        return self.data[4] & 0x3F

    @property
    def encoding(self) -> Encoding:
        return Encoding(self.data[6] >> 5)

    @property
    def payload(self) -> bytes:
        """What follows the header, padding included."""
        return self.data[4 * self.data[5] :]

    @property
    def message_type(self) -> type:
        """The message that must be inside: a session begins with the only choices of the top."""
        if self.event_type == AUTHENTICATION:
            return AuthenticationMessage
        if self.event_type == ELECTOR:
            return ElectorMessage
        starts = (b"\x30\x80\xa0\x80", b'{"clientIdentity"', b'{"brokerResponse"')
        return NegotiationMessage if self.payload.startswith(starts) else ControlMessage


def read_hex(name: str) -> bytes:
    """Return the bytes of one `.hex` file."""
    return bytes.fromhex((VECTORS / f"{name}.hex").read_text("ascii"))


def _files() -> list[Recorded]:
    names = sorted(path.stem for path in VECTORS.glob("*.hex"))
    return [Recorded(name, read_hex(name)) for name in names if not name.startswith(NOT_EVENTS)]


def _transcripts() -> list[Recorded]:
    events = []
    for path in sorted(VECTORS.glob("*.transcript.txt")):
        lines = path.read_text("utf-8").split("\n")
        for number, line in enumerate((line for line in lines if line), 1):
            sender, _, data = line.split(" | ")
            name = f"{path.name.removesuffix('.transcript.txt')}:{number}{sender}"
            events.append(Recorded(name, bytes.fromhex(data)))
    return events


ALL = (*_files(), *_transcripts())
SCHEMA_EVENTS = tuple(
    event for event in ALL if event.event_type in {CONTROL, ELECTOR, AUTHENTICATION}
)
CLUSTER_STATE_EVENTS = tuple(event for event in ALL if event.event_type == CLUSTER_STATE)


def pad(payload: bytes) -> bytes:
    """Return a payload with its word padding."""
    count = 4 - len(payload) % 4
    return payload + bytes([count]) * count


def json_samples() -> dict[str, str]:
    """Return the JSON of the peer's encoder by the name of the sample."""
    text = (VECTORS / "ref_json_samples.txt").read_text("utf-8")
    pairs = (line.split(" | ", 1) for line in text.splitlines() if line)
    return dict(pairs)
