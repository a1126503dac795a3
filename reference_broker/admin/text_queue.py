"""The TEXT form of a queue's internals."""

from __future__ import annotations

from dataclasses import is_dataclass

from reference_broker.admin.json_form import members
from reference_broker.admin.queue_results import (
    AppState,
    FanoutQueueEngine,
    LocalQueue,
    QueueEngine,
    QueueHandle,
    QueueHandleSubStream,
    QueueInternals,
    QueueState,
    QueueStorage,
    RelayQueueEngine,
    RemoteQueue,
    ResourceUsageMonitor,
    UninitializedQueue,
)
from reference_broker.admin.text_forms import (
    at,
    capacity_lines,
    flag_text,
    headed,
    queue_id_text,
    size_text,
)


def internals_lines(internals: QueueInternals) -> list[str]:
    """Return a queue from the inside."""
    lines = [
        *headed(0, "Queue Internals", "---------------"),
        *_state(internals.state),
        "",
        *headed(1, "QueueHandleCatalog:", "-------------------"),
        at(3, f"{len(internals.state.handles)} handles:"),
        *(
            line
            for number, handle in enumerate(internals.state.handles, 1)
            for line in _handle(number, handle)
        ),
        "",
    ]
    match internals.queue:
        case LocalQueue(queue_engine=engine):
            return [*lines, *headed(1, "LocalQueue:", "-----------"), *_engine(engine)]
        case RemoteQueue() as remote:
            return [*lines, *_remote(remote), *_engine(remote.queue_engine)]
        case UninitializedQueue():
            return [*lines, "Uninitialized queue !!", ""]


def _state(state: QueueState) -> list[str]:
    queue_id = queue_id_text(state.id)
    if queue_id in {"PRIMARY", "UNASSIGNED"}:
        queue_id = queue_id.lower()
    lines = [
        *headed(1, "State:", "------"),
        at(2, f"URI ...............: {state.uri}"),
        at(2, f"Handle Parameters .: {state.handle_parameters_json}"),
        at(2, f"Stream Parameters .: {state.stream_parameters_json}"),
        at(2, f"Id/Key ............: {queue_id} ~ {state.key}"),
        at(2, f"PartitionId .......: {state.partition_id}"),
    ]
    if state.storage is None:
        lines.append(at(2, "Storage ...........: none"))
    else:
        lines += _storage(state.storage)
    if state.capacity_meter is None:
        return [*lines, at(2, "Capacity Meter ....:none")]
    return [*lines, at(2, "Capacity Meter ....:"), *capacity_lines(state.capacity_meter, 3)]


def _storage(storage: QueueStorage) -> list[str]:
    size = size_text(storage.num_bytes)
    return [
        at(2, f"Storage ...........: {storage.num_messages:,} messages, {size}"),
        at(3, f"Num virtual storages: {len(storage.virtual_storages)}"),
        *(
            at(3, f"{app.app_id} : [appKey: {app.app_key}, numMessages: {app.num_messages:,}]")
            for app in storage.virtual_storages
        ),
    ]


def _handle(number: int, handle: QueueHandle) -> list[str]:
    """Return a client; the peer runs one without sub-streams into the next, here none does."""
    member = flag_text(handle.is_client_cluster_member)
    lines = [
        at(4, f"{number}. {handle.client_description}"),
        at(5, f"Handle Parameters .....: {handle.parameters_json}"),
        at(5, f"IsClientClusterMember .: {member}"),
    ]
    for index, stream in enumerate(handle.sub_streams):
        lines += [*([""] if index else []), *_sub_stream(stream)]
    return lines


def _sub_stream(stream: QueueHandleSubStream) -> list[str]:
    monitors = "".join(_monitor(each) for each in stream.unconfirmed_monitors)
    lines = [at(5, f"subId .................: {stream.sub_id}")]
    if stream.app_id is not None:
        lines.append(at(5, f"appId .................: {stream.app_id}"))
    lines += [
        at(5, f"Stream Parameters .....: {stream.parameters_json}"),
        at(5, "UnconfirmedMonitors ...:"),
        at(6, f"--------{monitors}"),
    ]
    if stream.num_unconfirmed_messages is not None:
        lines.append(at(5, f"UnconfirmedMessages ...: {stream.num_unconfirmed_messages:,}"))
    return lines


def _monitor(monitor: ResourceUsageMonitor) -> str:
    capacity = monitor.messages_capacity
    messages = " - ".join(
        f"{each:,}"
        for each in (
            monitor.messages_low_watermark_ratio * capacity,
            monitor.messages_high_watermark_ratio * capacity,
            capacity,
        )
    )
    capacity = monitor.bytes_capacity
    sizes = " - ".join(
        size_text(each)
        for each in (
            monitor.bytes_low_watermark_ratio * capacity,
            monitor.bytes_high_watermark_ratio * capacity,
            capacity,
        )
    )
    count, size = f"{monitor.num_messages:,}", size_text(monitor.num_bytes)
    return (
        f" {monitor.state} [Messages ({monitor.messages_state}): {count} ({messages}),"
        f" Bytes ({monitor.bytes_state}): {size} ({sizes})] "
    )


def _remote(remote: RemoteQueue) -> list[str]:
    scheduled = "yes" if remote.is_push_expiration_timer_scheduled else "no"
    return [
        *headed(1, "RemoteQueue:", "------------"),
        at(2, f"Pending PUTs .......................: {remote.num_pending_puts} items"),
        at(2, f"Pending CONFIRMs ...................: {remote.num_pending_confirms} items"),
        at(2, f"Has PUSH expiration timer scheduled : {scheduled}"),
        at(2, f"Upstream generation count ..........: {remote.num_upstream_generation}"),
        at(2, "Streams ............................: "),
        *(
            at(3, f"[Id: {each.id}, state: {each.state}, genCount: {each.gen_count}]")
            for each in remote.streams
        ),
        "",
    ]


def _engine(engine: QueueEngine) -> list[str]:
    match engine:
        case FanoutQueueEngine():
            return _fanout(engine)
        case RelayQueueEngine():
            return _relay(engine)


def _fanout(engine: FanoutQueueEngine) -> list[str]:
    lines = headed(2, f"FanoutQueueEngine ({engine.mode}):", "-----------------")
    if engine.max_consumers:
        lines.append(at(3, f" (maxConsumers: {engine.max_consumers})"))
    longest = max((len(state.app_id) for state in engine.consumer_states), default=0)
    for state in engine.consumer_states:
        row = f"{state.app_id.ljust(longest)}: status={state.status}"
        if state.is_at_end_of_storage is not None:
            row += f", StorageIter.atEnd={flag_text(state.is_at_end_of_storage)}"
        lines += [at(3, row), at(3, "-" * max(longest, 1)), *_app(state.app_state)]
    return [*lines, ""]


def _relay(engine: RelayQueueEngine) -> list[str]:
    lines = [
        *headed(2, "RelayQueueEngine:", "-----------------"),
        at(3, f"Num SubStreams ....: {engine.num_substreams}"),
        *(
            at(4, f"[{each.app_id}] - [{each.app_key}] : {each.num_messages}")
            for each in engine.sub_streams
        ),
    ]
    for app in engine.app_states:
        lines += [*headed(3, f"App: {app.app_id}", "-----------------"), *_app(app)]
    return [*lines, ""]


def _app(app: AppState) -> list[str]:
    return [
        at(4, f"Consumers .........: {app.num_consumers}"),
        at(4, f"RedeliveryList ....: {app.redelivery_list_length}"),
        at(4, "RoundRobinRouter ..:"),
        *_dump(app.round_robin_router, 5),
        "",
    ]


def _dump(value: object, level: int, label: str = "") -> list[str]:
    """Return a value as the peer's general printer has it, with its members or elements inside."""
    match value:
        case None:
            return [at(level, f"{label}NULL")]
        case bool():
            return [at(level, f"{label}{flag_text(value)}")]
        case str():
            return [at(level, f'{label}"{value}"')]
        case tuple():
            inner = [line for each in value for line in _dump(each, level + 1)]
        case _ if is_dataclass(value):
            inner = [
                line
                for name, each, _ in members(value)
                for line in _dump(each, level + 1, f"{name} = ")
            ]
        case _:
            return [at(level, f"{label}{value}")]
    return [at(level, f"{label}["), *inner, at(level, "]")]
