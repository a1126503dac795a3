"""One broker core between two connections: the one under attack, and a bystander's.

The bystander negotiates, opens a queue of its own and configures it before anything else happens.
Afterwards `check_bystander` posts a message there and demands its acknowledgement, its delivery
and its confirmation. The bench answers the core's effects as a driver would: domains load at once,
syncs are durable by the next step, reads are answered from the files that the core has written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from reference_broker.base import DEFAULT_APP_ID, Instant, seconds
from reference_broker.config import DomainNotFound, Mode, SampleConfig
from reference_broker.core import Broker
from reference_broker.ports import (
    AdminResult,
    Close,
    Closed,
    CreateFile,
    DomainLoaded,
    Effect,
    FilesFound,
    Input,
    LoadDomain,
    Log,
    Opened,
    Read,
    ReadDone,
    Ready,
    Received,
    RemoveFile,
    Send,
    Stopped,
    Sync,
    Synced,
    TruncateFile,
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
    Expression,
    ExpressionVersion,
    GuidInfo,
    NegotiationMessage,
    OpenQueue,
    QueueHandleParameters,
    StreamParameters,
    SubQueueIdInfo,
    Subscription,
)
from reference_broker.wire.control_event import control_event
from reference_broker.wire.features import CLIENT_FEATURES
from reference_broker.wire.push import iter_pushes

ATTACKER: Final = 1
BYSTANDER: Final = 2

#: What attackers find open: the queue of the recorded vectors, one that waits for the disk, and one
#: whose messages go to several apps.
MEMORY_QUEUE: Final = "bmq://bmq.test.mem.priority/q1"
SYNCED_QUEUE: Final = "bmq://bmq.test.persistent.priority.sc/q1"
FANOUT_QUEUE: Final = "bmq://fuzz.fanout/q1"
#: The app as which the attacker reads the last one, and its subId.
FANOUT_APP: Final = "foo"
FANOUT_SUB_ID: Final = 1

_BYSTANDER_DOMAIN: Final = "fuzz.bystander"
_BYSTANDER_QUEUE: Final = f"bmq://{_BYSTANDER_DOMAIN}/own"
# Records in the log: no event of less than a header's 8 bytes causes any, and one causes two.
_LOG_RECORDS_FREE: Final = 24
_BYTES_PER_LOG_RECORD: Final = 4
# A 28-byte message can be delivered again with each request to take it back.
_SENT_BYTES_MAX: Final = 32 * 1024 * 1024
_PAYLOAD: Final = b"the bystander's message"
_GUID: Final = bytes.fromhex("400001000000000000000000b15a0001")
_WALL_NS: Final = 1_700_000_000_000_000_000
_STEPS_TO_SETTLE_MAX: Final = 64
_WRITE: Final = 4
_READ: Final = 2

_SAMPLES: Final = SampleConfig()
_CLUSTER: Final = _SAMPLES.load_clusters().clusters[0]
CLUSTER_NAME: Final = _CLUSTER.name
_MEMORY: Final = _SAMPLES.resolve_domain("bmq.test.mem.priority")
#: The samples, and what they lack.
_DOMAINS: Final = MappingProxyType(
    {name: _SAMPLES.resolve_domain(name) for name in _SAMPLES.domain_names}
    | {
        _BYSTANDER_DOMAIN: replace(_MEMORY, name=_BYSTANDER_DOMAIN),
        "fuzz.fanout": replace(
            _MEMORY, name="fuzz.fanout", mode=Mode.FANOUT, app_ids=(FANOUT_APP, "bar")
        ),
    }
)
_NO_FILES: Final[Mapping[str, bytes]] = MappingProxyType({})


def identity(name: str, client_type: ClientType = ClientType.E_TCPCLIENT) -> bytes:
    """Return the first event of a client."""
    guids = GuidInfo(client_id="0A0B0C0D0E0F", nano_seconds_from_epoch=1)
    return control_event(
        NegotiationMessage(
            choice=ClientIdentity(
                protocol_version=1,
                client_type=client_type,
                process_name=name,
                features=CLIENT_FEATURES,
                guid_info=guids,
            )
        )
    )


def opening(uri: str, queue_id: int) -> bytes:
    """Return the events that open a queue for reading and writing and configure it."""
    parameters = QueueHandleParameters(
        uri=uri, q_id=queue_id, flags=_READ | _WRITE, read_count=1, write_count=1, admin_count=0
    )
    return requests(OpenQueue(handle_parameters=parameters), configuring(queue_id))


def opening_fanout(queue_id: int) -> bytes:
    """Return the events that open the fanout queue for writing, and for reading as an app."""
    writing = QueueHandleParameters(
        uri=FANOUT_QUEUE, q_id=queue_id, flags=_WRITE, read_count=0, write_count=1, admin_count=0
    )
    reading = QueueHandleParameters(
        uri=f"{FANOUT_QUEUE}?id={FANOUT_APP}",
        q_id=queue_id,
        sub_id_info=SubQueueIdInfo(sub_id=FANOUT_SUB_ID, app_id=FANOUT_APP),
        flags=_READ,
        read_count=1,
        write_count=0,
        admin_count=0,
    )
    return requests(
        OpenQueue(handle_parameters=writing),
        OpenQueue(handle_parameters=reading),
        configuring(queue_id, FANOUT_APP),
    )


def configuring(
    queue_id: int, app_id: str = DEFAULT_APP_ID, expressions: tuple[str, ...] = ("",)
) -> ConfigureStream:
    """Return the request for a stream with a subscription for each expression."""
    consumer = ConsumerInfo(
        max_unconfirmed_messages=100,
        max_unconfirmed_bytes=1 << 20,
        consumer_priority=0,
        consumer_priority_count=1,
    )
    subscriptions = [
        Subscription(s_id=number, expression=_expression(text), consumers=(consumer,))
        for number, text in enumerate(expressions, start=1)
    ]
    parameters = StreamParameters(app_id=app_id, subscriptions=tuple(subscriptions))
    return ConfigureStream(q_id=queue_id, stream_parameters=parameters)


def _expression(text: str) -> Expression:
    version = ExpressionVersion.E_VERSION_1 if text else ExpressionVersion.E_UNDEFINED
    return Expression(version=version, text=text)


def requests(*choices: ControlChoice) -> bytes:
    """Return requests, numbered from 1, an event each."""
    return b"".join(
        control_event(ControlMessage(r_id=number, choice=choice))
        for number, choice in enumerate(choices, start=1)
    )


ATTACKER_IDENTITY: Final = identity("attacker")
ADMIN_IDENTITY: Final = identity("attacker", ClientType.E_TCPADMIN)
_BYSTANDER_START: Final = identity("bystander") + opening(_BYSTANDER_QUEUE, 0)
_BYSTANDER_PUT: Final = put_event([Put(0, _GUID, _PAYLOAD, FLAG_ACK_REQUESTED)])
_BYSTANDER_CONFIRM: Final = confirm_event([(0, _GUID, 0)])


class BrokerBench:
    """A fresh broker with the bystander in place and the attacker connected.

    Args:
        files: the log that it finds, by file name.
    """

    def __init__(self, files: Mapping[str, bytes] = _NO_FILES) -> None:
        self.broker = Broker(BrokerFacts(), cluster=_CLUSTER)
        self.files = {name: bytearray(content) for name, content in files.items()}
        self.log_count = 0
        self._is_ready = False
        self._now = Instant(0)
        self._sent: dict[int, list[bytes]] = {ATTACKER: [], BYSTANDER: []}
        self._closed: dict[int, str] = {}
        self._next: list[Input] = []
        self.step(FilesFound(tuple((name, len(files[name])) for name in sorted(files))))
        assert self._is_ready, "the core does not say that it is ready"
        self.step(Opened(BYSTANDER, "127.0.0.1:2"), Received(BYSTANDER, _BYSTANDER_START))
        self.step(Opened(ATTACKER, "127.0.0.1:1"))

    def step(self, *inputs: Input) -> None:
        """Give inputs to the core, and answer what it asks for until it asks for nothing."""
        self._next += inputs
        for _ in range(_STEPS_TO_SETTLE_MAX):
            batch, self._next = self._next, []
            for effect in self.broker.step(self._now, batch, wall_ns=_WALL_NS + self._now):
                self._obey(effect)
            deadline = self.broker.next_deadline()
            if not self._next and (deadline is None or deadline > self._now):
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
        match effect:
            case Send():
                assert effect.connection not in self._closed, (
                    f"sent after its close: {effect!r:.200}"
                )
                self._sent[effect.connection] += effect.chunks
            case Log():
                self.log_count += 1
            case LoadDomain(name):
                outcome = _DOMAINS.get(name) or DomainNotFound(f"etc/domains/{name}.json")
                self._next.append(DomainLoaded(name, outcome))
            case Close(connection, reason):
                assert connection not in self._closed, f"closed twice: {effect}"
                self._closed[connection] = reason
            case Sync(_, token):
                if token:
                    self._next.append(Synced(token))
            case Ready():
                self._is_ready = True
            case CreateFile() | Write() | TruncateFile() | RemoveFile() | Read():
                self._use_file(effect)
            case AdminResult() | Stopped():
                raise AssertionError(f"nobody asked for {effect!r:.200}")

    def _use_file(self, effect: CreateFile | Write | TruncateFile | RemoveFile | Read) -> None:
        match effect:
            case CreateFile(name):
                assert name not in self.files, f"{name} is there already"
                self.files[name] = bytearray()
            case Write(name, chunks):
                self.files[name] += b"".join(chunks)
            case TruncateFile(name, size):
                del self.files[name][size:]
            case RemoveFile(name):
                del self.files[name]
            case Read(token, name, ranges):
                content = self.files[name]
                parts = [bytes(content[start : start + length]) for start, length in ranges]
                self._next.append(ReadDone(token, tuple(parts)))

    def check_harmless(self, size: int) -> None:
        """Check, once the attacker is through, that nobody and nothing else was harmed; it goes.

        Args:
            size: bytes that it has sent.

        Raises:
            AssertionError: its answers are unbounded or no whole events, the bystander is not
                served, something of it is left, or it has filled the log.
            WireError: it is sent what is no event.
        """
        _check_answers(self.take_sent(ATTACKER))
        self.check_bystander()
        self.hang_up()
        most = _LOG_RECORDS_FREE + size // _BYTES_PER_LOG_RECORD
        assert self.log_count <= most, f"{size} bytes caused {self.log_count} log records"

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


def _check_answers(sent: bytes) -> None:
    """Check that what the attacker is sent is bounded and made of whole events."""
    assert len(sent) <= _SENT_BYTES_MAX, f"{len(sent)} bytes were sent"
    reader = EventReader(_SENT_BYTES_MAX)
    for _ in reader.feed(sent):
        pass
    assert not reader.buffered_bytes, f"{reader.buffered_bytes} bytes of an unfinished event sent"
