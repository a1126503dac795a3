"""The client's end of a connection: what it says of itself, and what came, sorted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

from reference_broker.base import WireError
from reference_broker.wire import (
    HEARTBEAT_RESPONSE,
    Event,
    EventReader,
    EventType,
    iter_acks,
)
from reference_broker.wire.control import (
    BrokerResponse,
    ClientIdentity,
    ClientType,
    ControlChoice,
    ControlMessage,
    Encoding,
    GuidInfo,
    NegotiationMessage,
    decode_message,
)
from reference_broker.wire.control_event import control_event
from reference_broker.wire.features import CLIENT_FEATURES
from reference_broker.wire.options import decode_options
from reference_broker.wire.push import iter_pushes

#: The client that gives commands.
ADMIN: Final = -1
_EVENT_BYTES_MAX: Final = 512 * 1024 * 1024
_OLD_FEATURES: Final = "PROTOCOL_ENCODING:BER,JSON"
_JSON_FEATURES: Final = "PROTOCOL_ENCODING:JSON;MPS:MESSAGE_PROPERTIES_EX"
#: Kinds of clients: the usual one; one that speaks JSON; one that does not know new-style
#: properties; one that makes no GUIDs.
KINDS: Final = ("new", "json", "old", "plain")


class DeviationError(AssertionError):
    """The broker does what the protocol does not allow."""


class Answer(NamedTuple):
    """An answer to a request."""

    r_id: int
    choice: ControlChoice


class Acked(NamedTuple):
    """An acknowledgement, or the refusal of a message."""

    status: int
    correlation: int
    guid: bytes
    q_id: int


class Pushed(NamedTuple):
    """A message."""

    q_id: int
    guid: bytes
    flags: int
    compression: int
    schema: int
    ids: tuple[int, ...]
    data: bytes


Arrival = Answer | Acked | Pushed


class Line:
    """One connection, as its client sees it.

    Args:
        slot: which client.
        kind: of `KINDS`.
        send: sends bytes on the connection.

    Attributes:
        arrivals: what came and was not looked at.
        is_mute: whether it leaves heartbeats unanswered.
        asked: how many heartbeats it was asked for.
        answered: how many of its own were answered.
    """

    def __init__(self, slot: int, kind: str, send: Callable[[bytes], None]) -> None:
        self.slot = slot
        self.kind = kind
        self.arrivals: list[Arrival] = []
        self.is_mute = False
        self.asked = 0
        self.answered = 0
        self._send = send
        self._reader = EventReader(_EVENT_BYTES_MAX)
        self._encoding = Encoding.JSON if kind == "json" else Encoding.BER
        self._is_introduced = False
        self._r_id = 0

    @property
    def makes_guids(self) -> bool:
        """Whether its messages have GUIDs when they leave."""
        return self.kind != "plain"

    def introduce(self) -> bytes:
        """Return what it says of itself."""
        features = {"json": _JSON_FEATURES, "old": _OLD_FEATURES}.get(self.kind, CLIENT_FEATURES)
        identity = ClientIdentity(
            protocol_version=1,
            client_type=ClientType.E_TCPCLIENT,
            process_name="gauntlet:model",
            pid=1,
            features=features,
            guid_info=GuidInfo(client_id=f"{self.slot + 1:012X}"),
        )
        if self.slot == ADMIN:
            kind = ClientType.E_TCPADMIN
            identity = replace(identity, client_type=kind, guid_info=GuidInfo())
        if not self.makes_guids:
            identity = replace(identity, guid_info=GuidInfo())
        return control_event(NegotiationMessage(choice=identity), self._encoding)

    def request(self, choice: ControlChoice) -> tuple[int, bytes]:
        """Return a request with its rId."""
        self._r_id += 1
        return self._r_id, control_event(
            ControlMessage(r_id=self._r_id, choice=choice), self._encoding
        )

    def feed(self, data: bytes) -> None:
        """Take what came.

        Raises:
            DeviationError: no broker sends such a thing.
        """
        try:
            for event in self._reader.feed(data):
                self._take(event)
        except WireError as error:
            raise DeviationError(f"client {self.slot} cannot read what came: {error}") from error

    def take(self) -> list[Arrival]:
        """Return what came since the last call."""
        arrivals = list(self.arrivals)
        self.arrivals.clear()
        return arrivals

    def _take(self, event: Event) -> None:
        if event.type == EventType.PUSH:
            self._take_pushes(event)
        elif event.type == EventType.ACK:
            acks = iter_acks(event.buffer, event.start, event.end)
            self.arrivals.extend(Acked(*ack) for ack in acks)
        elif event.type == EventType.CONTROL:
            self._take_control(event)
        elif event.type == EventType.HEARTBEAT_REQ:
            self.asked += 1
            if not self.is_mute:
                self._send(HEARTBEAT_RESPONSE)
        elif event.type == EventType.HEARTBEAT_RSP:
            self.answered += 1
        else:
            raise DeviationError(f"client {self.slot} gets {event}")

    def _take_control(self, event: Event) -> None:
        if event.encoding != self._encoding:
            raise DeviationError(f"client {self.slot} does not speak {event.encoding!r}")
        if not self._is_introduced:
            self._is_introduced = True
            answer = decode_message(NegotiationMessage, event.encoding, event.body).choice
            is_welcome = isinstance(answer, BrokerResponse) and answer.result.category == 0
            if not is_welcome:
                raise DeviationError(f"client {self.slot} is turned away with {answer!r}")
            return
        message = decode_message(ControlMessage, event.encoding, event.body)
        if message.r_id is None or message.choice is None:
            raise DeviationError(f"client {self.slot} gets {message!r}")
        self.arrivals.append(Answer(message.r_id, message.choice))

    def _take_pushes(self, event: Event) -> None:
        buffer = event.buffer
        for flags, compression, queue_id, guid, schema, options, start, end, _ in iter_pushes(
            buffer, event.start, event.end
        ):
            infos = decode_options(buffer, options, start).sub_queue_infos
            ids = tuple(info.id for info in infos) or (0,)
            data = bytes(buffer[start:end])
            for each in ids:  # several ids are as many copies
                pushed = Pushed(queue_id, guid, flags, compression, schema, (each,), data)
                self.arrivals.append(pushed)

    @property
    def is_introduced(self) -> bool:
        """Whether the broker has welcomed it."""
        return self._is_introduced
