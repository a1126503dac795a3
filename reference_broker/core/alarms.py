"""The long alarm records: a queue that is full, and one whose consumers do not get on.

Their layout is an interface: tooling reads it line by line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reference_broker.admin import Datetime, size_text
from reference_broker.base import DEFAULT_APP_ID, WireError
from reference_broker.core.context import Context
from reference_broker.core.state import Handle, QueueEntry, Session
from reference_broker.queue import App, Level, QueueMode, Transition, Usage
from reference_broker.wire import FLAG_MESSAGE_PROPERTIES
from reference_broker.wire.control import print_message
from reference_broker.wire.properties import decode_properties

_EXPRESSIONS_MAX: Final = 10
_OLDEST_MAX: Final = 10
_CONSUMERS_MAX: Final = 100
_LEVELS: Final = {
    Level.NORMAL: "STATE_NORMAL",
    Level.HIGH_WATERMARK: "STATE_HIGH_WATERMARK",
    Level.FULL: "STATE_FULL",
}


def raise_capacity_alarms(context: Context, entry: QueueEntry) -> None:
    """Tell of a queue or its domain if it has become fuller than an alarm level [ALARM-1]."""
    usage = entry.queue.usage
    transition = usage.transition()
    if transition is not None:
        dump = "".join(f"\n{app_dump(entry, app)}" for app in entry.queue.apps.values())
        text = _capacity_text(entry.queue.uri.canonical, usage, transition)
        context.alarm(f"CAPACITY_{_LEVELS[transition.level]}", text + dump)
    usage = entry.domain.usage
    transition = usage.transition()
    if transition is not None:
        text = _capacity_text(f"bmq://{entry.domain.name}", usage, transition)
        context.alarm(f"CAPACITY_{_LEVELS[transition.level]}", text)


def _capacity_text(name: str, usage: Usage, transition: Transition) -> str:
    messages, size = _LEVELS[transition.messages], _LEVELS[transition.bytes]
    return (
        f"for '{name}': [Messages ({messages}): {usage.messages:,} "
        f"(limit: {usage.messages_max:,}), Bytes ({size}): {size_text(usage.bytes)} "
        f"(limit: {size_text(usage.bytes_max)})]"
    )


def stuck_text(context: Context, entry: QueueEntry, app: App) -> str:
    """Return the text of a QUEUE_STUCK alarm."""
    usage = entry.queue.usage
    idle_s = entry.domain.config.max_idle_time_s
    holders = list(_holders(context, entry, app))
    summary = (
        f"Queue '{app_uri(entry, app)}' Messages [current: {usage.messages:,} / "
        f"{usage.messages_max:,}], Bytes [current: {size_text(usage.bytes)} / "
        f"{size_text(usage.bytes_max)}], max idle time "
        f"{idle_s}.00 s appears to be stuck. "
        f"It currently has {len(holders)} consumers."
    )
    return "\n".join([summary, *_consumer_lines(holders, app), app_dump(entry, app)])


def app_uri(entry: QueueEntry, app: App) -> str:
    """Return how alarms name one app's view of a queue."""
    uri = entry.queue.uri.canonical
    return f"{uri}?id={app.app_id}" if entry.queue.mode is QueueMode.FANOUT else uri


def _holders(context: Context, entry: QueueEntry, app: App) -> Iterator[tuple[Session, Handle]]:
    for stream in app.streams:
        session = context.sessions[stream.connection]
        handle = session.handles.get(stream.queue_id)
        if handle is not None and handle.entry is entry:
            yield session, handle


def _consumer_lines(holders: list[tuple[Session, Handle]], app: App) -> Iterator[str]:
    for number, (session, handle) in enumerate(holders[:_CONSUMERS_MAX], 1):
        held = sum(
            len(subscription.unconfirmed)
            for stream in app.streams
            if stream.connection == session.connection
            for subscription in stream.subscriptions
        )
        yield f"  {number}. {session.name}"
        yield f"    Handle Parameters .....: {print_message(handle.parameters)}"
        yield f"    Number of unconfirmed messages .....: {held}"
        yield "    UnconfirmedMonitors ....:"
    if len(holders) > _CONSUMERS_MAX:
        yield f"  ... and {len(holders) - _CONSUMERS_MAX} more"


def app_dump(entry: QueueEntry, app: App) -> str:
    """Return what one app waits for, and why [ALARM-5]."""
    expressions = sorted({*app.router.expressions()})
    heading = "Consumer subscription expressions: "
    if len(expressions) > _EXPRESSIONS_MAX:
        heading = f"First {_EXPRESSIONS_MAX} of consumer subscription expressions: "
    lines = [
        "",
        f"For appId: {app.app_id or DEFAULT_APP_ID}",
        "",
        f"Put aside list size: {len(app.put_aside)}",
        f"Redelivery list size: {len(app.redelivery)}",
        f"Number of messages: {app.pending_messages:,}",
        f"Number of bytes: {size_text(app.pending_bytes)}",
        "",
        heading,
        *[text or "<Empty>" for text in expressions[:_EXPRESSIONS_MAX]],
    ]
    oldest = app.put_aside.first()
    if oldest is not None:
        lines += ["", "Oldest message in the 'Put aside' list:", *_oldest(entry, oldest)]
    total, first, messages = entry.queue.list_messages(app.app_id, 0, _OLDEST_MAX)
    size = sum(size for _, size, _ in messages)
    last = first + len(messages) - 1
    lines += [
        "",
        f"{_OLDEST_MAX} oldest messages in the queue:",
        f"Printing {len(messages)} message(s) [{first}-{last} / {total}] (total: {size_text(size)})",
    ]
    lines += [
        f"{guid.hex().upper()} {size_text(each):>10} {Datetime.from_wall_ns(arrival)}"
        for guid, each, arrival in messages
    ]
    return "\n".join(lines)


def _oldest(entry: QueueEntry, ordinal: int) -> list[str]:
    store = entry.queue.store
    if not store.is_stored(ordinal):
        return []
    arrival = Datetime.from_wall_ns(store.arrival_ns(ordinal))
    size = size_text(store.size_of(ordinal))
    return [
        "GUID                              Size        Timestamp (UTC)",
        f"{store.guid_of(ordinal).hex().upper()} {size:>10}  {arrival}",
        f"Message Properties: {_properties(entry, ordinal)}",
    ]


def _properties(entry: QueueEntry, ordinal: int) -> str:
    message = entry.queue.store.get(ordinal)
    if message is None:
        return "on disk"
    _, flags, coding, data, size, _, _ = message
    if not flags & FLAG_MESSAGE_PROPERTIES:
        return "[ ]"
    try:
        properties = decode_properties(data[:size], new_style=bool(coding & 0xFFFF))
    except WireError as error:
        return f"malformed: {error}"
    inner = " ".join(f"{p.name} ({p.type.name}) = {p.value!r}" for p in properties.values())
    return f"[ {inner} ]"
