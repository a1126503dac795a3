"""The answer to INTERNALS: a queue from the inside, as the peer shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from reference_broker.admin import (
    AppState,
    CapacityMeter,
    ConsumerInfo,
    ConsumerState,
    ConsumerStatus,
    FanoutQueueEngine,
    LocalQueue,
    PriorityGroup,
    QueueHandle,
    QueueHandleSubStream,
    QueueInternals,
    QueueState,
    QueueStorage,
    ResourceUsageMonitor,
    ResourceUsageState,
    RoundRobinRouter,
    RouterConsumer,
    Routing,
    Subscriber,
    Subscription,
    SubscriptionGroup,
    VirtualStorage,
)
from reference_broker.core.context import Context
from reference_broker.core.state import Handle, QueueEntry, Session, SubStream
from reference_broker.queue import App, Usage
from reference_broker.queue import Subscription as Consumer
from reference_broker.wire.control import (
    QueueHandleParameters,
    QueueStreamParameters,
    StreamParameters,
    print_message,
)

#: The id that stands for "this broker is the primary".
_PRIMARY_ID: Final = 2**32 - 2


def queue_internals(context: Context, entry: QueueEntry) -> QueueInternals:
    """Return what INTERNALS tells of a queue [INTERN-2]."""
    queue = entry.queue
    handles = list(_handles(context, entry))
    registered = [app for app in queue.apps.values() if app.is_registered]
    state = QueueState(
        uri=queue.uri.canonical,
        handle_parameters_json=_all_parameters(entry, handles),
        stream_parameters_json=" [ ]",
        id=_PRIMARY_ID,
        key=entry.key.hex().upper(),
        partition_id=entry.partition,
        storage=QueueStorage(
            num_messages=queue.usage.messages,
            num_bytes=queue.usage.bytes,
            virtual_storages=tuple(
                VirtualStorage(
                    app.app_id, f"{0x3000000000 + app.number:010X}", app.pending_messages
                )
                for app in registered
            ),
        ),
        capacity_meter=_meters(entry),
        handles=tuple(_handle(session, handle) for session, handle in handles),
    )
    engine = FanoutQueueEngine(
        max_consumers=entry.domain.config.max_consumers,
        mode=entry.domain.config.mode.value,
        consumer_states=tuple(_consumer_state(context, app) for app in queue.apps.values()),
        routing=_routing(queue.apps.values()),
    )
    return QueueInternals(state, LocalQueue(engine))


def _handles(context: Context, entry: QueueEntry) -> Iterator[tuple[Session, Handle]]:
    for session in context.sessions.values():
        for handle in session.handles.values():
            if handle.entry is entry:
                yield session, handle


def _all_parameters(entry: QueueEntry, handles: list[tuple[Session, Handle]]) -> str:
    readers = entry.consumers
    flags = 0
    for _, handle in handles:
        flags |= handle.parameters.flags
    return print_message(
        QueueHandleParameters(
            uri=entry.queue.uri.canonical,
            q_id=_PRIMARY_ID,
            flags=flags,
            read_count=readers,
            write_count=entry.producers,
        )
    )


def _meters(entry: QueueEntry) -> CapacityMeter:
    domain = entry.domain.usage
    parent = _meter(f"domain [bmq://{entry.domain.name}]", domain, None)
    return _meter(f"queue [{entry.queue.uri.canonical}]", entry.queue.usage, parent)


def _meter(name: str, usage: Usage, parent: CapacityMeter | None) -> CapacityMeter:
    return CapacityMeter(
        name=name,
        num_messages=usage.messages,
        message_capacity=usage.messages_max,
        num_bytes=usage.bytes,
        byte_capacity=usage.bytes_max,
        parent=parent,
    )


def _handle(session: Session, handle: Handle) -> QueueHandle:
    return QueueHandle(
        client_description=session.name,
        parameters_json=print_message(handle.parameters),
        sub_streams=tuple(
            _sub_stream(sub_id, sub_stream)
            for sub_id, sub_stream in handle.sub_streams.items()
            if sub_stream.stream is not None
        ),
    )


def _sub_stream(sub_id: int, sub_stream: SubStream) -> QueueHandleSubStream:
    assert sub_stream.stream is not None
    subscriptions = sub_stream.stream.subscriptions
    parameters = sub_stream.parameters
    is_known = isinstance(parameters, StreamParameters | QueueStreamParameters)
    return QueueHandleSubStream(
        sub_id=sub_id,
        app_id=sub_stream.app_id,
        parameters_json=print_message(parameters if is_known else StreamParameters()),
        unconfirmed_monitors=tuple(_monitor(each) for each in subscriptions),
        num_unconfirmed_messages=sum(len(each.unconfirmed) for each in subscriptions),
    )


def _monitor(consumer: Consumer) -> ResourceUsageMonitor:
    spec = consumer.spec
    messages, size = len(consumer.unconfirmed), consumer.unconfirmed_bytes
    messages_state = _state(messages, spec.messages_max)
    bytes_state = _state(size, spec.bytes_max)
    full = ResourceUsageState.FULL
    return ResourceUsageMonitor(
        state=full if full in (messages_state, bytes_state) else ResourceUsageState.NORMAL,
        messages_state=messages_state,
        num_messages=messages,
        messages_low_watermark_ratio=1,
        messages_high_watermark_ratio=1,
        messages_capacity=spec.messages_max,
        bytes_state=bytes_state,
        num_bytes=size,
        bytes_low_watermark_ratio=0,
        bytes_high_watermark_ratio=0,
        bytes_capacity=spec.bytes_max,
    )


def _state(count: int, limit: int) -> ResourceUsageState:
    return ResourceUsageState.FULL if count >= limit else ResourceUsageState.NORMAL


def _consumer_state(context: Context, app: App) -> ConsumerState:
    """Return the state of an app, and whether anybody reads for it [INTERN-1]."""
    return ConsumerState(
        app_id=app.app_id,
        status=ConsumerStatus(app.status),
        is_at_end_of_storage=app.is_at_end if app.is_registered else None,
        app_state=AppState(
            app_id=app.app_id,
            num_consumers=len(app.streams),
            redelivery_list_length=len(app.redelivery),
            round_robin_router=RoundRobinRouter(tuple(_router_consumers(context, app))),
        ),
    )


def _router_consumers(context: Context, app: App) -> Iterator[RouterConsumer]:
    for consumer in _consumers(app):
        session = context.sessions[consumer.stream.connection]
        yield RouterConsumer(
            priority=consumer.spec.priority,
            queue_handle=QueueHandle(client_description=session.name, parameters_json=""),
            count=consumer.spec.weight,
            expression=_expression(consumer),
        )


def _routing(apps: Iterable[App]) -> Routing:
    groups: list[SubscriptionGroup] = []
    for app in apps:
        by_expression: dict[str, list[Consumer]] = {}
        for consumer in _consumers(app):
            by_expression.setdefault(_expression(consumer), []).append(consumer)
        for expression, consumers in by_expression.items():
            number = len(groups) + 1
            highest = max(consumer.spec.priority for consumer in consumers)
            best = [_subscription(c) for c in consumers if c.spec.priority == highest]
            groups.append(
                SubscriptionGroup(
                    id=number,
                    expression=expression,
                    upstream_sub_queue_id=app.number,
                    priority_group=PriorityGroup(number, tuple(best)),
                )
            )
    return Routing(tuple(groups))


def _subscription(consumer: Consumer) -> Subscription:
    spec = consumer.spec
    return Subscription(
        downstream_subscription_id=spec.push_id,
        consumer=ConsumerInfo(
            max_unconfirmed_messages=spec.messages_max,
            max_unconfirmed_bytes=spec.bytes_max,
            consumer_priority=spec.priority,
            consumer_priority_count=spec.weight,
        ),
        subscriber=Subscriber(consumer.stream.sub_id),
    )


def _consumers(app: App) -> Iterator[Consumer]:
    return (consumer for stream in app.streams for consumer in stream.subscriptions)


def _expression(consumer: Consumer) -> str:
    return consumer.spec.predicate.text if consumer.spec.predicate else ""
