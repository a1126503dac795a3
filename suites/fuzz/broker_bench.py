"""One broker core between two connections: the one under attack, and a bystander's.

The bystander negotiates, opens a queue of its own and configures it before anything else happens.
Afterwards `check_bystander` posts a message there and demands its acknowledgement, its delivery
and its confirmation. The bench answers the core's effects as a driver would: domains load at once,
syncs are durable by the next step.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from reference_broker.base import Instant, OperatorError, seconds
from reference_broker.config import DomainConfig, DomainNotFound, SampleConfig
from reference_broker.core import Broker
from reference_broker.ports import (
    Close,
    Closed,
    DomainLoaded,
    Effect,
    Input,
    LoadDomain,
    Log,
    Opened,
    Received,
    Send,
    Sync,
    Synced,
    Write,
)
from reference_broker.session import BrokerFacts
from reference_broker.wire import (
    FLAG_ACK_REQUESTED,
    AckStatus,
    EventReader,
    EventType,
    Put,
    confirm_event,
    iter_acks,
    put_event,
)
from reference_broker.wire.control import (
    ClientIdentity,
    ClientType,
    ConfigureStream,
    ConsumerInfo,
    ControlChoice,
    ControlMessage,
    GuidInfo,
    NegotiationMessage,
    OpenQueue,
    QueueHandleParameters,
    StreamParameters,
    Subscription,
)
from reference_broker.wire.control_event import control_event
from reference_broker.wire.features import CLIENT_FEATURES
from reference_broker.wire.push import iter_pushes

ATTACKER: Final = 1
BYSTANDER: Final = 2

#: What attackers find open: the queue of the recorded vectors, and one that waits for the disk.
MEMORY_QUEUE: Final = "bmq://bmq.test.mem.priority/q1"
SYNCED_QUEUE: Final = "bmq://bmq.test.persistent.priority.sc/q1"

_BYSTANDER_DOMAIN: Final = "fuzz.bystander"
_BYSTANDER_QUEUE: Final = f"bmq://{_BYSTANDER_DOMAIN}/own"
_PAYLOAD: Final = b"the bystander's message"
_GUID: Final = bytes.fromhex("400001000000000000000000b15a0001")
_WALL_NS: Final = 1_700_000_000_000_000_000
_STEPS_TO_SETTLE_MAX: Final = 8
_READ_AND_WRITE: Final = 6

_SAMPLES: Final = SampleConfig()
_BYSTANDER_CONFIG: Final = replace(
    _SAMPLES.resolve_domain("bmq.test.mem.priority"), name=_BYSTANDER_DOMAIN
)


def identity(name: str) -> bytes:
    """Return the first event of a client."""
    guids = GuidInfo(client_id="0A0B0C0D0E0F", nano_seconds_from_epoch=1)
    return control_event(
        NegotiationMessage(
            choice=ClientIdentity(
                protocol_version=1,
                client_type=ClientType.E_TCPCLIENT,
                process_name=name,
                features=CLIENT_FEATURES,
                guid_info=guids,
            )
        )
    )


def opening(uri: str, queue_id: int) -> bytes:
    """Return the events that open a queue for reading and writing and configure it."""
    parameters = QueueHandleParameters(
        uri=uri, q_id=queue_id, flags=_READ_AND_WRITE, read_count=1, write_count=1, admin_count=0
    )
    consumer = ConsumerInfo(
        max_unconfirmed_messages=100,
        max_unconfirmed_bytes=1 << 20,
        consumer_priority=0,
        consumer_priority_count=1,
    )
    stream = StreamParameters(subscriptions=(Subscription(s_id=1, consumers=(consumer,)),))
    choices: tuple[ControlChoice, ...] = (
        OpenQueue(handle_parameters=parameters),
        ConfigureStream(q_id=queue_id, stream_parameters=stream),
    )
    return b"".join(
        control_event(ControlMessage(r_id=number, choice=choice))
        for number, choice in enumerate(choices, start=1)
    )


ATTACKER_IDENTITY: Final = identity("attacker")
_BYSTANDER_START: Final = identity("bystander") + opening(_BYSTANDER_QUEUE, 0)
_BYSTANDER_PUT: Final = put_event([Put(0, _GUID, _PAYLOAD, FLAG_ACK_REQUESTED)])
_BYSTANDER_CONFIRM: Final = confirm_event([(0, _GUID, 0)])


class BrokerBench:
    """A fresh broker with the bystander in place and the attacker connected."""

    def __init__(self) -> None:
        self.broker = Broker(BrokerFacts())
        self.log_count = 0
        self.written_bytes = 0
        self._now = Instant(0)
        self._sent: dict[int, list[bytes]] = {ATTACKER: [], BYSTANDER: []}
        self._closed: dict[int, str] = {}
        self._next: list[Input] = []
        self.step(Opened(BYSTANDER, "127.0.0.1:2"), Received(BYSTANDER, _BYSTANDER_START))
        self.step(Opened(ATTACKER, "127.0.0.1:1"))

    def step(self, *inputs: Input) -> None:
        """Give inputs to the core, and answer what it asks for until it asks for nothing."""
        self._next += inputs
        for _ in range(_STEPS_TO_SETTLE_MAX):
            batch, self._next = self._next, []
            for effect in self.broker.step(self._now, batch, wall_ns=_WALL_NS + self._now):
                self._obey(effect)
            if not self._next:
                return
        raise AssertionError(f"the core still asks after {_STEPS_TO_SETTLE_MAX} steps")

    def attack(self, data: bytes) -> None:
        """Let a second pass and bytes arrive from the attacker."""
        self._now = Instant(self._now + seconds(1))
        self.step(Received(ATTACKER, data))

    def take_sent(self, connection: int) -> bytes:
        """Return what was sent on a connection since the last call."""
        chunks, self._sent[connection] = self._sent[connection], []
        return b"".join(chunks)

    def _obey(self, effect: Effect) -> None:
        if isinstance(effect, Send):
            assert effect.connection not in self._closed, f"sent after its close: {effect!r:.200}"
            self._sent[effect.connection] += effect.chunks
        elif isinstance(effect, Log):
            self.log_count += 1
        elif isinstance(effect, LoadDomain):
            self._next.append(DomainLoaded(effect.name, _domain(effect.name)))
        elif isinstance(effect, Close):
            assert effect.connection not in self._closed, f"closed twice: {effect}"
            self._closed[effect.connection] = effect.reason
        elif isinstance(effect, Sync):
            if effect.token:
                self._next.append(Synced(effect.token))
        elif isinstance(effect, Write):
            self.written_bytes += sum(len(chunk) for chunk in effect.chunks)

    def check_bystander(self) -> None:
        """Let the bystander use its queue.

        Raises:
            AssertionError: it is not acknowledged, served or left in peace.
        """
        self.take_sent(BYSTANDER)
        self.step(Received(BYSTANDER, _BYSTANDER_PUT))
        answers: list[object] = []
        for event in EventReader(1 << 20).feed(self.take_sent(BYSTANDER)):
            bounds = (event.buffer, event.start, event.end)
            if event.type == EventType.ACK:
                answers += [(status, guid) for status, _, guid, _ in iter_acks(*bounds)]
            elif event.type == EventType.PUSH:
                answers += [
                    (push[3], event.buffer[push[6] : push[7]]) for push in iter_pushes(*bounds)
                ]
        expected = [(AckStatus.SUCCESS, _GUID), (_GUID, _PAYLOAD)]
        assert answers == expected, f"the bystander got {answers}, not {expected}"
        self.step(Received(BYSTANDER, _BYSTANDER_CONFIRM))
        reason = self._closed.get(BYSTANDER)
        assert reason is None, f"the bystander's connection was closed: {reason}"

    def hang_up(self) -> None:
        """End the attacker's connection and check that nothing is left of it.

        Raises:
            AssertionError: a session or an unconfirmed message is left.
        """
        self._closed.setdefault(ATTACKER, "hung up")
        self.step(Closed(ATTACKER, "hung up"))
        left = self.broker.statistics()
        assert left.sessions == 1, f"the attacker is gone, and left {left}"
        assert left.unconfirmed == 0, f"the attacker is gone, and left {left}"


def _domain(name: str) -> DomainConfig | OperatorError:
    if name == _BYSTANDER_DOMAIN:
        return _BYSTANDER_CONFIG
    try:
        return _SAMPLES.resolve_domain(name)
    except DomainNotFound as error:
        return error
