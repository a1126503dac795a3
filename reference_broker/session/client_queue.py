"""A queue as the client sees it: what was opened, and the messages that come from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, NamedTuple

from reference_broker.base import DEFAULT_APP_ID, QueueUri, format_guid
from reference_broker.expr import ExpressionError, compile_expression
from reference_broker.wire import (
    FLAG_MESSAGE_PROPERTIES,
    AckStatus,
    Compression,
    decompress,
)
from reference_broker.wire.control import (
    ConfigureQueueStream,
    ConfigureStream,
    ConsumerInfo,
    Expression,
    ExpressionVersion,
    QueueHandleParameters,
    QueueStreamParameters,
    StreamParameters,
    SubQueueIdInfo,
    Subscription,
)
from reference_broker.wire.properties import (
    Property,
    area_size,
    decode_properties,
    wire_is_new_style,
)

FLAG_READ = 2
FLAG_WRITE = 4
FLAG_ACK = 8
_PRIORITY_INVALID = -(2**31)
#: What the fields of requests can hold, but for priorities: those are the SDK's limits. The broker
#: refuses a count of 0.
_RANGES: Final = MappingProxyType(
    {
        "max_unconfirmed_messages": (0, 2**63 - 1),
        "max_unconfirmed_bytes": (0, 2**63 - 1),
        "consumer_priority": (-(2**30), 2**30 - 1),
        "consumer_priority_count": (1, 2**31 - 1),
    }
)


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """How to read from a queue.

    Attributes:
        max_unconfirmed_messages: the broker stops delivering at this many; 0 to 2**63 - 1.
        max_unconfirmed_bytes: the same in bytes of application data.
        consumer_priority: higher is served first; -1073741824 to 1073741823.
        consumer_priority_count: messages in a row in the round robin; 1 to 2**31 - 1.
        expression: which messages; empty for all.

    Raises:
        ValueError: a number is out of its range, or the expression does not compile. A broker takes
            such an expression for one that is always true, so that the client has to refuse it.
    """

    max_unconfirmed_messages: int = 1000
    max_unconfirmed_bytes: int = 32 * 1024 * 1024
    consumer_priority: int = 0
    consumer_priority_count: int = 1
    expression: str = ""

    def __post_init__(self) -> None:
        """Check the values."""
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not isinstance(value, int) or not low <= value <= high:
                raise ValueError(f"{name} is {value!r}, but must be an integer, {low} to {high}")
        if self.expression:
            try:
                compile_expression(self.expression)
            except ExpressionError as error:
                text = f"expression {self.expression!r} does not compile: {error}"
                raise ValueError(text) from error


class QueueState(Enum):
    """Where a client's queue stands."""

    OPENING = auto()
    OPEN = auto()
    CLOSING = auto()
    CLOSED = auto()


class ClientQueue:
    """One open of one queue.

    Attributes:
        uri: as given to open.
        queue_id: the qId.
        sub_id: the subId, 0 without app id.
        is_reader: whether it was opened for reading.
        is_writer: whether it was opened for writing.
        options: the parameters of reading now in force.
        is_paused: it was configured to deliver nothing; `options` are those of before.
        subscription_ids: the sIds that PUSHes may carry: that of the last configure that was
            answered, and those of the configures under way behind it.
        deduplication_ms: from the broker; older PUTs are not sent again.
        needs_confirms: false for broadcast queues.
    """

    __slots__ = (
        "deduplication_ms",
        "is_paused",
        "is_reader",
        "is_writer",
        "needs_confirms",
        "options",
        "queue_id",
        "state",
        "sub_id",
        "subscription_ids",
        "uri",
    )

    def __init__(
        self, uri: QueueUri, ids: tuple[int, int], options: QueueOptions | None, *, is_writer: bool
    ) -> None:
        self.uri = uri
        self.queue_id, self.sub_id = ids
        self.is_reader = options is not None
        self.is_writer = is_writer
        self.options = options or QueueOptions()
        self.is_paused = False
        self.subscription_ids: list[int] = []
        self.deduplication_ms = 300_000
        self.needs_confirms = True
        self.state = QueueState.OPENING

    def __repr__(self) -> str:
        """Return the URI and the state."""
        return f"<ClientQueue {self.uri} {self.state.name}>"

    @property
    def ids(self) -> tuple[int, int]:
        """The qId and the subId."""
        return self.queue_id, self.sub_id

    def read_with(self, options: QueueOptions | None) -> None:
        """Note how it is read from now on; None for not at all."""
        self.is_paused = options is None
        if options is not None:
            self.options = options

    def receives(self, ids: Collection[int], *, is_new_style: bool) -> bool:
        """Return whether a PUSH with these ids is for this queue; 0 is for any."""
        if not is_new_style:
            return self.sub_id in ids
        return 0 in ids or any(number in ids for number in self.subscription_ids)

    def configured(self, subscription_id: int) -> None:
        """Note that a configure was answered: the sIds before its own mean nothing now."""
        ids = self.subscription_ids
        if subscription_id in ids:
            del ids[: ids.index(subscription_id)]

    def handle_parameters(self) -> QueueHandleParameters:
        """Return what open and close requests carry."""
        flags = FLAG_READ * self.is_reader | FLAG_WRITE * self.is_writer
        return QueueHandleParameters(
            uri=str(self.uri),
            q_id=self.queue_id,
            sub_id_info=self._sub_id_info(),
            flags=flags,
            read_count=int(self.is_reader),
            write_count=int(self.is_writer),
        )

    def _sub_id_info(self) -> SubQueueIdInfo | None:
        if not self.uri.app_id:
            return None
        return SubQueueIdInfo(sub_id=self.sub_id, app_id=self.uri.app_id)

    def configure_stream(self, options: QueueOptions | None, s_id: int) -> ConfigureStream:
        """Return the new-style configure request; no options deconfigure."""
        subscriptions: tuple[Subscription, ...] = ()
        if options is not None:
            version = ExpressionVersion.E_VERSION_1 if options.expression else None
            consumer = ConsumerInfo(
                max_unconfirmed_messages=options.max_unconfirmed_messages,
                max_unconfirmed_bytes=options.max_unconfirmed_bytes,
                consumer_priority=options.consumer_priority,
                consumer_priority_count=options.consumer_priority_count,
            )
            expression = Expression(
                version=version or ExpressionVersion.E_UNDEFINED, text=options.expression
            )
            subscriptions = (Subscription(s_id=s_id, expression=expression, consumers=(consumer,)),)
        app_id = self.uri.app_id or DEFAULT_APP_ID
        parameters = StreamParameters(app_id=app_id, subscriptions=subscriptions)
        return ConfigureStream(q_id=self.queue_id, stream_parameters=parameters)

    def configure_queue_stream(self, options: QueueOptions | None) -> ConfigureQueueStream:
        """Return the old-style configure request; no options deconfigure."""
        if options is None:
            parameters = QueueStreamParameters(
                sub_id_info=self._sub_id_info(), consumer_priority=_PRIORITY_INVALID
            )
        else:
            parameters = QueueStreamParameters(
                sub_id_info=self._sub_id_info(),
                max_unconfirmed_messages=options.max_unconfirmed_messages,
                max_unconfirmed_bytes=options.max_unconfirmed_bytes,
                consumer_priority=options.consumer_priority,
                consumer_priority_count=options.consumer_priority_count,
            )
        return ConfigureQueueStream(q_id=self.queue_id, stream_parameters=parameters)


class Message:
    """A message that was delivered.

    Attributes:
        queue: where it came from; give it back there with `confirm`.
        guid: 16 bytes, the same for every delivery of the message.
        is_redelivered: the broker says that it is out of order: it was delivered before, or
            another one overtook it.
    """

    __slots__ = ("_data", "_flags", "_schema", "compression", "guid", "is_redelivered", "queue")

    def __init__(
        self,
        queue: ClientQueue,
        guid: bytes,
        flags: int,
        compression: int,
        schema: int,
        data: bytes,
    ) -> None:
        self.queue = queue
        self.guid = guid
        self.is_redelivered = flags & 4 != 0
        self.compression = compression
        self._flags = flags
        self._schema = schema
        self._data = data

    @property
    def payload(self) -> bytes:
        """The payload, decompressed.

        Raises:
            WireError: it cannot be decompressed, or the properties in front of it are malformed.
        """
        _, payload = self._split()
        return payload

    @property
    def properties(self) -> Mapping[str, Property]:
        """The message properties by name.

        Raises:
            WireError: they are malformed.
        """
        area, _ = self._split()
        if not area:
            return {}
        return decode_properties(area, new_style=wire_is_new_style(self._schema))

    def _split(self) -> tuple[bytes, bytes]:
        """Return the properties area and the payload, both plain."""
        data = self._data
        is_new = wire_is_new_style(self._schema)
        is_compressed = self.compression != Compression.NONE
        if is_compressed and not is_new:
            data = decompress(data)
        size = area_size(data) if self._flags & FLAG_MESSAGE_PROPERTIES else 0
        payload = data[size:]
        if is_compressed and is_new:
            payload = decompress(payload)
        return data[:size], payload

    def __repr__(self) -> str:
        """Return the GUID and the size."""
        return f"<Message {format_guid(self.guid)} {len(self._data)} bytes>"


class Ack(NamedTuple):
    """What became of a posted message.

    Attributes:
        guid: the message.
        status: an `AckStatus`.
        queue: where it was posted.
    """

    guid: bytes
    status: AckStatus
    queue: ClientQueue

    @property
    def is_success(self) -> bool:
        """Whether the broker has stored the message."""
        return self.status is AckStatus.SUCCESS
