"""A peer that does errands: it opens, configures, posts, confirms, and sorts what comes.

It answers heartbeats, keeps acknowledgements, deliveries and answers apart, and otherwise does
exactly what it is told.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from reference_broker.base import DEFAULT_APP_ID, GuidGenerator, format_guid
from reference_broker.wire import (
    FLAG_ACK_REQUESTED,
    FLAG_MESSAGE_PROPERTIES,
    HEARTBEAT_REQUEST,
    HEARTBEAT_RESPONSE,
    AckTuple,
    Compression,
    Event,
    EventType,
    Put,
    compress,
    confirm_event,
    iter_acks,
    put_event,
)
from reference_broker.wire.control import (
    BrokerResponse,
    ClientIdentity,
    CloseQueue,
    ConfigureQueueStream,
    ConfigureStream,
    ConsumerInfo,
    ControlChoice,
    ControlMessage,
    Disconnect,
    Encoding,
    Expression,
    ExpressionVersion,
    OpenQueue,
    OpenQueueResponse,
    QueueHandleParameters,
    QueueStreamParameters,
    Status,
    StreamParameters,
    SubQueueIdInfo,
    Subscription,
    decode_message,
)
from reference_broker.wire.options import decode_options
from reference_broker.wire.properties import Property, PropertyValue, area_size, encode_properties
from reference_broker.wire.push import iter_pushes
from suites.integration.raw import RawPeer, SilentError, identity

READ: Final = 2
WRITE: Final = 4
MESSAGES_MAX: Final = 1000
BYTES_MAX: Final = 32 * 1024 * 1024
QUIET_S: Final = 0.3


class Push(NamedTuple):
    """A message as it was delivered.

    Attributes:
        queue_id: our qId.
        guid: 16 bytes.
        flags: the PUSH flags.
        compression: a `Compression` value.
        schema: the wire schema id.
        ids: of the options: subscription ids, or sub-queue ids.
        data: application data as sent.
    """

    queue_id: int
    guid: bytes
    flags: int
    compression: int
    schema: int
    ids: tuple[int, ...]
    data: bytes


class Want(NamedTuple):
    """A subscription.

    Attributes:
        text: its expression; empty for every message.
        priority: of the consumer.
        weight: messages in a row, when several take turns.
        messages: maxUnconfirmedMessages.
        size: maxUnconfirmedBytes.
    """

    text: str = ""
    priority: int = 0
    weight: int = 1
    messages: int = MESSAGES_MAX
    size: int = BYTES_MAX

    def as_subscription(self, s_id: int) -> Subscription:
        """Return it as a part of a configureStream request."""
        version = ExpressionVersion.E_VERSION_1 if self.text else ExpressionVersion.E_UNDEFINED
        consumer = ConsumerInfo(self.messages, self.size, self.priority, self.weight)
        return Subscription(s_id, Expression(version, self.text), (consumer,))


class Actor(RawPeer):
    """A client that does what a case tells it, and sorts what it gets.

    Args:
        host: where the broker listens.
        port: the same.
        name: for the transcript.
        quiet_s: how long nothing must come until the broker is taken to have nothing to say.
    """

    def __init__(
        self, host: str, port: int, *, name: str = "peer", quiet_s: float = QUIET_S
    ) -> None:
        super().__init__(host, port, name=name)
        self._quiet_s = quiet_s
        self.pushes: deque[Push] = deque()
        self.acks: deque[AckTuple] = deque()
        self.answers: dict[int, ControlMessage] = {}
        #: Type names of everything that came, in order.
        self.seen: list[str] = []
        self.heartbeats: Counter[str] = Counter()
        #: Whether heartbeats are answered.
        self.is_alive = True
        self._guids = GuidGenerator(bytes(6))
        self._next_s_id = 1
        self._app_ids: list[str] = []

    # Sorting.

    def pump(self, timeout_s: float) -> bool:
        """Take one event, if one comes in time; returns whether one did."""
        event = self.poll_event(timeout_s)
        if event is None:
            return False
        self.seen.append(EventType(event.type).name)
        if event.type == EventType.PUSH:
            self._take_pushes(event)
        elif event.type == EventType.ACK:
            self.acks.extend(iter_acks(event.buffer, event.start, event.end))
        elif event.type == EventType.CONTROL:
            message = decode_message(ControlMessage, event.encoding, event.body)
            assert message.r_id is not None, f"an answer without rId: {message!r}"
            assert message.r_id not in self.answers, f"a second answer to request {message.r_id}"
            self.answers[message.r_id] = message
        elif event.type == EventType.HEARTBEAT_REQ:
            self.heartbeats["asked"] += 1
            if self.is_alive:
                self.send(HEARTBEAT_RESPONSE)
        elif event.type == EventType.HEARTBEAT_RSP:
            self.heartbeats["answered"] += 1
        return True

    def _take_pushes(self, event: Event) -> None:
        buffer = event.buffer
        for flags, compression, queue_id, guid, schema, options, start, end, _ in iter_pushes(
            buffer, event.start, event.end
        ):
            infos = decode_options(buffer, options, start).sub_queue_infos
            ids = tuple(info.id for info in infos)
            data = buffer[start:end]
            self.pushes.append(Push(queue_id, guid, flags, compression, schema, ids, data))

    def take_pushes(self, count: int) -> list[Push]:
        """Return the next `count` deliveries.

        Raises:
            SilentError: fewer came in time.
        """
        self._pump_until(lambda: len(self.pushes) >= count, f"{count} messages")
        return [self.pushes.popleft() for _ in range(count)]

    def take_acks(self, count: int) -> list[AckTuple]:
        """Return the next `count` acknowledgements; raises as `take_pushes`."""
        self._pump_until(lambda: len(self.acks) >= count, f"{count} acknowledgements")
        return [self.acks.popleft() for _ in range(count)]

    def _pump_until(self, is_done: Callable[[], bool], what: str) -> None:
        give_up = time.monotonic() + self.timeout_s
        while not is_done():
            left = give_up - time.monotonic()
            if left <= 0 or not self.pump(left):
                have = f"{len(self.pushes)} messages, {len(self.acks)} acknowledgements"
                raise SilentError(f"{what} due within {self.timeout_s} s; there are {have}")

    def settle(self) -> None:
        """Take everything that the broker has for us.

        A heartbeat goes round first, behind all that the broker has done already; then it must be
        quiet for a while, since a broker with several threads may answer out of turn.
        """
        before = self.heartbeats["answered"]
        self.send(HEARTBEAT_REQUEST)
        self._pump_until(lambda: self.heartbeats["answered"] > before, "an answer to a heartbeat")
        while self.pump(self._quiet_s):
            pass

    # Requests.

    def start(
        self, who: ClientIdentity | None = None, encoding: Encoding = Encoding.BER
    ) -> BrokerResponse:
        """Connect and introduce ourselves, successfully."""
        self.connect()
        return self.introduce(who, encoding)

    def introduce(
        self, who: ClientIdentity | None = None, encoding: Encoding = Encoding.BER
    ) -> BrokerResponse:
        """Introduce ourselves, successfully."""
        who = who or identity()
        response = self.negotiate(who, encoding)
        assert response.result.category == 0, f"refused: {response.result!r}"
        self._guids = GuidGenerator(bytes.fromhex(who.guid_info.client_id or "00" * 6))
        return response

    def request(self, choice: ControlChoice) -> ControlChoice:
        """Send a request and return the answer.

        Raises:
            SilentError: there is none in time.
        """
        return self.answer(self.send_request(choice))

    def answer(self, r_id: int) -> ControlChoice:
        """Return the answer to a request sent before; raises as `request`."""
        self._pump_until(lambda: r_id in self.answers, f"an answer to request {r_id}")
        choice = self.answers.pop(r_id).choice
        assert choice is not None, f"the answer to request {r_id} is empty"
        return choice

    def refusal(self, choice: ControlChoice) -> Status:
        """Send a request that must be refused, and return the status; raises as `request`."""
        answer = self.request(choice)
        assert isinstance(answer, Status), f"{answer!r} where a refusal is due"
        assert answer.category != 0, f"a status of success where a refusal is due: {answer!r}"
        return answer

    def sub_id(self, app_id: str) -> int:
        """Return the subId of an app: 1, 2, ... in order of use; 0 for no app."""
        if not app_id:
            return 0
        if app_id not in self._app_ids:
            self._app_ids.append(app_id)
        return 1 + self._app_ids.index(app_id)

    def handle(
        self, uri: str, q_id: int = 0, *, read: bool = False, write: bool = False, app_id: str = ""
    ) -> QueueHandleParameters:
        """Return consistent parameters of an open or close request."""
        parameters = handle(uri, q_id, read, write)
        if not app_id:
            return parameters
        return replace(
            parameters,
            uri=f"{uri}?id={app_id}",
            sub_id_info=SubQueueIdInfo(sub_id=self.sub_id(app_id), app_id=app_id),
        )

    def open(
        self, uri: str, q_id: int = 0, *, read: bool = False, write: bool = False, app_id: str = ""
    ) -> OpenQueueResponse:
        """Open a queue, successfully."""
        parameters = self.handle(uri, q_id, read=read, write=write, app_id=app_id)
        answer = self.request(OpenQueue(handle_parameters=parameters))
        assert isinstance(answer, OpenQueueResponse), f"open {uri} is answered with {answer!r}"
        return answer

    def configure(
        self,
        q_id: int = 0,
        *,
        app_id: str = "",
        messages: int = MESSAGES_MAX,
        size: int = BYTES_MAX,
        priority: int = 0,
        weight: int = 1,
    ) -> int:
        """Configure a reader, new style, successfully; returns the sId."""
        want = Want("", priority, weight, messages, size)
        return self.subscribe(want, q_id=q_id, app_id=app_id)[0]

    def subscribe(self, *wants: Want, q_id: int = 0, app_id: str = "") -> list[int]:
        """Configure a reader with subscriptions, successfully; returns their sIds."""
        s_ids = [self._next_s_id + index for index in range(len(wants))]
        self._next_s_id += len(wants)
        subscriptions = [
            want.as_subscription(s_id) for want, s_id in zip(wants, s_ids, strict=True)
        ]
        parameters = StreamParameters(app_id or DEFAULT_APP_ID, tuple(subscriptions))
        answer = self.request(ConfigureStream(q_id=q_id, stream_parameters=parameters))
        assert not isinstance(answer, Status), f"configureStream is refused: {answer!r}"
        return s_ids

    def configure_old_style(self, q_id: int = 0) -> None:
        """Configure a reader with `configureQueueStream`, successfully."""
        parameters = QueueStreamParameters(
            max_unconfirmed_messages=MESSAGES_MAX,
            max_unconfirmed_bytes=BYTES_MAX,
            consumer_priority=0,
            consumer_priority_count=1,
        )
        answer = self.request(ConfigureQueueStream(q_id=q_id, stream_parameters=parameters))
        assert not isinstance(answer, Status), f"configureQueueStream is refused: {answer!r}"

    def deconfigure(self, q_id: int = 0, *, app_id: str = "") -> None:
        """Stop the deliveries of a reader, successfully."""
        self.subscribe(q_id=q_id, app_id=app_id)

    def shut(
        self,
        uri: str,
        q_id: int = 0,
        *,
        read: bool = False,
        write: bool = False,
        app_id: str = "",
        is_final: bool = True,
    ) -> None:
        """Close a queue, for good unless told otherwise, successfully."""
        parameters = self.handle(uri, q_id, read=read, write=write, app_id=app_id)
        request = CloseQueue(handle_parameters=parameters, is_final=is_final)
        answer = self.request(request)
        assert not isinstance(answer, Status), f"closeQueue is refused: {answer!r}"

    def disconnect(self) -> None:
        """Say goodbye, wait for the answer and close the connection."""
        self.request(Disconnect())
        self.close()

    # Messages.

    def new_guid(self) -> bytes:
        """Return a GUID that nobody has used."""
        return self._guids.next(time.monotonic_ns())

    def puts(self, payloads: Sequence[bytes], q_id: int = 0, *, ack: bool = True) -> list[Put]:
        """Return messages with GUIDs of their own, not sent yet."""
        flags = FLAG_ACK_REQUESTED if ack else 0
        return [Put(q_id, self.new_guid(), payload, flags) for payload in payloads]

    def post(self, *payloads: bytes, q_id: int = 0) -> list[bytes]:
        """Post messages as one event, see all acknowledged, and return their GUIDs."""
        return self.post_puts(self.puts(payloads, q_id))

    def put_with(
        self,
        properties: Mapping[str, PropertyValue | Property],
        payload: bytes = b"payload",
        q_id: int = 0,
        *,
        new_style: bool = True,
        is_compressed: bool = False,
    ) -> Put:
        """Return a message with properties, not sent yet.

        Args:
            properties: of the message.
            payload: behind them.
            q_id: of the queue.
            new_style: how properties are encoded.
            is_compressed: by zlib: new style the payload, old style all of it.
        """
        area = encode_properties(properties, new_style=new_style)
        data = area + payload
        if is_compressed:
            data = area + compress(payload) if new_style else compress(data)
        flags = FLAG_ACK_REQUESTED | FLAG_MESSAGE_PROPERTIES
        compression = Compression.ZLIB if is_compressed else Compression.NONE
        return Put(q_id, self.new_guid(), data, flags, compression, int(new_style))

    def post_with(
        self, *properties: Mapping[str, PropertyValue | Property], q_id: int = 0
    ) -> list[bytes]:
        """Post messages with these properties, see all acknowledged, and return their GUIDs."""
        return self.post_puts([self.put_with(each, q_id=q_id) for each in properties])

    def post_puts(self, puts: Sequence[Put]) -> list[bytes]:
        """Send messages as one event, see all acknowledged, and return their GUIDs."""
        self.send(put_event(puts))
        acks = {ack[2]: ack for ack in self.take_acks(len(puts))}
        for put in puts:
            ack = acks.get(put.guid)
            assert ack is not None, f"no acknowledgement of {format_guid(put.guid)}"
            assert ack[0] == 0, f"{format_guid(put.guid)} is refused with status {ack[0]}"
        return [put.guid for put in puts]

    def confirm(
        self, *guids: bytes, q_id: int = 0, sub_id: int | None = None, app_id: str = ""
    ) -> None:
        """Confirm messages, as one event; the subId is that of the app unless it is given."""
        sub_id = self.sub_id(app_id) if sub_id is None else sub_id
        self.send(confirm_event((q_id, guid, sub_id) for guid in guids))


def handle(uri: str, q_id: int, read: bool, write: bool) -> QueueHandleParameters:  # noqa: FBT001 - private to actors and their cases
    """Return consistent parameters of an open or close request."""
    return QueueHandleParameters(
        uri=uri,
        q_id=q_id,
        flags=READ * read | WRITE * write,
        read_count=int(read),
        write_count=int(write),
    )


def stream(
    q_id: int,
    s_id: int,
    *,
    messages: int = MESSAGES_MAX,
    size: int = BYTES_MAX,
    priority: int = 0,
    weight: int = 1,
) -> ConfigureStream:
    """Return a configureStream request with one subscription to everything."""
    subscription = Want("", priority, weight, messages, size).as_subscription(s_id)
    return ConfigureStream(
        q_id=q_id, stream_parameters=StreamParameters(subscriptions=(subscription,))
    )


def split_properties(push: Push) -> tuple[bytes, bytes]:
    """Return properties area and payload of a delivered, uncompressed message."""
    size = area_size(push.data)
    return push.data[:size], push.data[size:]
