"""Defects on the way of a message from the queue to the consumer, and of its confirmation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_broker.base import WireError
from reference_broker.core import deliver
from reference_broker.core.context import Context
from reference_broker.core.control import ControlDesk
from reference_broker.core.deliver import Deliverer
from reference_broker.queue import App, Delivery, Queue, Stream, SubscriptionSpec
from reference_broker.queue import app as app_module
from reference_broker.queue.store import MessageStore
from reference_broker.queue.stream import Subscription
from reference_broker.wire.control import ControlMessage
from suites.harness.defects.doors import after, before, defect, door, rebound, replace, wrap

_OUT_OF_ORDER = 4


def _change_deliveries(change: Callable[[list[Delivery]], list[Delivery]]) -> None:
    after(Queue, "deliver", lambda deliveries, *_: change(deliveries))


def _change_pushes(change: Callable[[Any], Any]) -> None:
    """Let the broker push other messages than those that are stored."""
    wrap(
        deliver,
        "push_chunks",
        lambda chunks: lambda messages, *rest: chunks([change(m) for m in messages], *rest),
    )


# PUSH events.


@defect("queue", "PUSH PUT")
def push_twice() -> None:
    """The first message of every delivery is pushed twice."""
    _change_deliveries(
        lambda deliveries: [Delivery(to, [m[0], *m]) for to, m in deliveries],
    )


@defect("queue", "PUSH PUT STORE")
def batch_reversed() -> None:
    """The messages of every delivery are pushed in the reverse order."""
    _change_deliveries(lambda deliveries: [Delivery(to, m[::-1]) for to, m in deliveries])


@defect("queue", "PUSH SDK")
def last_of_batch_forgotten() -> None:
    """Of a delivery of several messages the last one is not pushed."""
    _change_deliveries(
        lambda deliveries: [Delivery(to, m[:-1] if len(m) > 1 else m) for to, m in deliveries]
    )


@defect("wire", "PUT PUSH")
def schema_id_lost() -> None:
    """The wire schema id of pushed messages is 0, so that new properties are read as old ones."""
    replace(deliver, "_NEW_STYLE", 0)


@defect("wire", "PUT PUSH SDK")
def properties_flag_lost() -> None:
    """Pushed messages do not say that they have properties."""
    _change_pushes(lambda m: (m[0], m[1] & ~2, *m[2:]))


@defect("wire", "PUT SDK")
def compression_lost() -> None:
    """Pushed messages do not say that they are compressed."""
    _change_pushes(lambda m: (*m[:2], m[2] & 0xFFFF, *m[3:]))


@defect("wire", "PUSH SUB POISON")
def redelivery_flag_missing() -> None:
    """What is delivered again is not flagged OUT_OF_ORDER."""
    replace(app_module, "redelivered", lambda message, _: message)


@defect("wire", "PUSH")
def everything_flagged_out_of_order() -> None:
    """Every pushed message is flagged OUT_OF_ORDER."""
    _change_pushes(lambda m: (m[0], m[1] | _OUT_OF_ORDER, *m[2:]))


@defect("wire", "PUSH")
def properties_not_converted() -> None:
    """A client that does not know new-style properties gets them as they are."""
    replace(deliver, "old_style", lambda message: message)


@defect("wire", "PUSH")
def old_client_gets_compressed_data() -> None:
    """Converting a message to the old style forgets to decompress its payload."""
    replace(deliver, "old_style", rebound(deliver.old_style, decompress=lambda data: data))


@defect("core", "PUSH")
def unconvertible_message_kills_consumer() -> None:
    """A message whose properties cannot be converted costs the consumer its connection."""

    def make(push: Callable[..., None]) -> Callable[..., None]:
        def fatal(self: Deliverer, entry: Any, delivery: Delivery) -> None:
            session = self._context.sessions.get(delivery.subscription.stream.connection)
            assert session is not None
            if not session.reads_new_properties:
                try:
                    for message in delivery.messages:
                        if message[2] & 0xFFFF:
                            deliver.old_style(message)
                except WireError as error:
                    self._context.close(session, str(error))
            push(self, entry, delivery)

        return fatal

    wrap(Deliverer, "_push", make)


@defect("core", "PUSH SUB FAN")
def first_subscription_id() -> None:
    """Every message carries the id of the consumer's first subscription."""

    def first(subscription: Subscription) -> Subscription:
        return subscription.stream.subscriptions[0]

    _change_deliveries(lambda ds: [Delivery(first(to), m) for to, m in ds])


@defect("core", "PUSH")
def id_zero_never_used() -> None:
    """A reader without a sub-queue id of its own gets messages under the id 1."""
    wrap(
        deliver,
        "push_chunks",
        lambda chunks: lambda messages, queue_id, push_id: chunks(messages, queue_id, push_id or 1),
    )


@defect("core", "FAN SUB")
def id_of_another_app() -> None:
    """A client that reads for two apps gets everything under the id of the first one."""
    chosen: dict[tuple[int, int], int] = {}

    def make(chunks: Callable[..., Any]) -> Callable[..., Any]:
        def mixed(self: Deliverer, entry: Any, delivery: Delivery) -> None:
            stream = delivery.subscription.stream
            key = (stream.connection, stream.queue_id)
            spec = delivery.subscription.spec
            push_id = chosen.setdefault(key, spec.push_id)
            delivery.subscription.spec = spec._replace(push_id=push_id)
            chunks(self, entry, delivery)
            delivery.subscription.spec = spec

        return mixed

    wrap(Deliverer, "_push", make)


@defect("core", "PUSH OPEN")
def deliveries_before_answers() -> None:
    """What is pushed in a step leaves before the answers of the same step."""
    held: list[tuple[Any, ControlMessage]] = []
    sending = door(Context, "send_control")

    def hold(self: Context, session: Any, r_id: int, choice: Any) -> None:
        del self
        held.append((session, ControlMessage(r_id=r_id, choice=choice)))

    def release(self: Context) -> None:
        for session, message in held:
            sending(self, session, message)
        held.clear()

    replace(Context, "answer", hold)
    before(Context, "finish", release)


@defect("core", "PUSH CFG")
def delivers_before_configure() -> None:
    """A consumer is served as soon as it has opened the queue."""

    def serve(_: Any, desk: ControlDesk, __: Any, handle: Any, parameters: Any) -> None:
        sub_id = parameters.sub_id_info.sub_id if parameters.sub_id_info else 0
        sub_stream = handle.sub_streams[sub_id]
        if sub_stream.stream is not None and not sub_stream.stream.subscriptions:
            spec = SubscriptionSpec("0/0", sub_id, 1, 1, messages_max=8, bytes_max=1 << 20)
            desk._reconfigure(handle, sub_stream, [spec])

    after(ControlDesk, "_attach", serve)


# Who holds what.


@defect("queue", "CLOSE DISC PUSH")
def close_forgets_unconfirmed() -> None:
    """What a consumer holds when it closes the queue is not delivered again."""
    _forget_when(is_lost=False)


@defect("queue", "DISC SUB SDK")
def crash_forgets_unconfirmed() -> None:
    """What a consumer holds when its connection breaks is not delivered again."""
    _forget_when(is_lost=True)


def _forget_when(*, is_lost: bool) -> None:
    def make(give_up: Callable[..., Any]) -> Callable[..., Any]:
        def forgetful(app: App, stream: Stream, **how: bool) -> Any:
            if how["is_lost"] is is_lost:
                stream.release()
            return give_up(app, stream, **how)

        return forgetful

    wrap(App, "give_up", make)


@defect("queue", "TTL")
def expired_comes_back() -> None:
    """What a consumer holds of messages that have expired goes to others when it closes."""
    expired: dict[bytes, tuple[Any, int]] = {}

    def note(queue: Queue, wall_ns: int, _: Any) -> None:
        for app in queue.apps.values():
            held = [queue.store.get(ordinal) for ordinal in app.held()]
            expired.update({m[0]: (m, wall_ns) for m in held if m is not None})

    def make(remove: Callable[..., Any]) -> Callable[..., Any]:
        def revive(queue: Queue, stream: Stream, now: Any, **how: bool) -> Any:
            held = [guid for each in stream.subscriptions for guid in each.unconfirmed]
            result = remove(queue, stream, now, **how)
            for guid in held:
                if queue.store.ordinal_of(guid) is None and guid in expired:
                    message, wall_ns = expired.pop(guid)
                    again = (guid[::-1], *message[1:5], queue.next_ordinal, 0)
                    queue.post([again], wall_ns, now)
            return result

        return revive

    before(Queue, "expire", note)
    wrap(Queue, "_remove_stream", make)


@defect("queue", "DISC CLOSE PUSH CAST")
def gone_consumer_served() -> None:
    """A consumer that is gone keeps its place in the round robin, and messages go to it."""

    def make(give_up: Callable[..., Any]) -> Callable[..., Any]:
        def clinging(app: App, stream: Stream, **how: bool) -> Any:
            subscriptions = list(stream.subscriptions)
            result = give_up(app, stream, **how)
            for subscription in subscriptions:
                subscription.unconfirmed = {}
                subscription.unconfirmed_bytes = 0
            stream.subscriptions = subscriptions
            app.streams[stream] = None
            return result

        return clinging

    def served(push: Callable[..., None]) -> Callable[..., None]:
        def present(self: Deliverer, entry: Any, delivery: Delivery) -> None:
            if delivery.subscription.stream in entry.queue.streams:
                push(self, entry, delivery)

        return present

    wrap(App, "give_up", make)
    wrap(Deliverer, "_push", served)


@defect("queue", "CLOSE DISC FAN")
def newest_redelivered_first() -> None:
    """What comes back is delivered again in the reverse order."""

    def make(deal: Callable[..., Any]) -> Callable[..., Any]:
        def backwards(app: App, source: Any, start: int, round_: Any) -> Any:
            messages = deal(app, source, start, round_)
            return messages[::-1] if source is app.redelivery else messages

        return backwards

    wrap(App, "_fetch", make)


@defect("queue", "CLOSE PUSH")
def newer_before_redelivered() -> None:
    """What comes back waits behind what nobody has got yet."""

    def make(deal: Callable[..., Any]) -> Callable[..., Any]:
        def late(app: App, group: Any, round_: Any) -> None:
            app._deal_fresh(group, round_)
            deal(app, group, round_)

        return late

    wrap(App, "_deal_returned", make)


@defect("queue", "CONFIRM FAN")
def confirm_forgotten() -> None:
    """A confirmation makes room for the consumer, but the message stays."""

    def make(confirm: Callable[..., Any]) -> Callable[..., Any]:
        def deaf(app: App, stream: Stream, guids: Any) -> list[int]:
            before_it = app.pending_messages, app.pending_bytes
            for ordinal in confirm(app, stream, guids):
                app.redelivery.add(ordinal)
            app.pending_messages, app.pending_bytes = before_it
            return []

        return deaf

    wrap(App, "confirm", make)


@defect("queue", "CONFIRM")
def confirms_of_moved_messages_ignored() -> None:
    """A consumer can confirm only what it holds at that moment."""
    replace(App, "_withdraw", lambda _, __: [])


@defect("queue", "CONFIRM CLOSE")
def confirm_takes_older_ones_too() -> None:
    """A confirmation is taken for all messages up to the one it names, as in other protocols."""

    def make(confirm: Callable[..., Any]) -> Callable[..., Any]:
        def cumulative(app: App, stream: Stream, guids: Any) -> Any:
            held = [guid for each in stream.subscriptions for guid in each.unconfirmed]
            places = [held.index(guid) for guid in guids if guid in held]
            older = held[: max(places)] if places else []
            extra = [guid for guid in older if guid not in guids]
            return confirm(app, stream, [*extra, *guids])

        return cumulative

    wrap(App, "confirm", make)


@defect("queue", "FAN CONFIRM")
def strange_sub_id_confirms() -> None:
    """A CONFIRM with a sub-queue id that is not open is taken for the first one that is."""

    def make(confirm: Callable[..., None]) -> Callable[..., None]:
        def lenient(self: Deliverer, session: Any, event: Any) -> None:
            def nearest(buffer: bytes, start: int, end: int) -> Any:
                for queue_id, guid, sub_id in iter_confirms(buffer, start, end):
                    handle = session.handles.get(queue_id)
                    known = handle.sub_streams if handle is not None else {}
                    yield queue_id, guid, sub_id if sub_id in known else next(iter(known), 0)

            replace(deliver, "iter_confirms", nearest)
            confirm(self, session, event)

        return lenient

    iter_confirms = door(deliver, "iter_confirms")
    wrap(Deliverer, "confirm", make)


@defect("queue", "FAN ADMIN DEDUP")
def first_confirm_deletes() -> None:
    """A message is deleted as soon as one of its apps has confirmed it."""

    def forced(self: MessageStore, ordinals: Any, now: Any) -> Any:
        return self._take(ordinals, now, is_forced=True)

    replace(MessageStore, "release", forced)


@defect("queue", "FAN")
def confirm_of_one_app_for_all() -> None:
    """What one app confirms is taken as confirmed by all."""

    def make(confirm: Callable[..., Any]) -> Callable[..., Any]:
        def shared(queue: Queue, stream: Stream, guids: Any, now: Any) -> Any:
            confirmed = confirm(queue, stream, guids, now)
            mine = queue.streams[stream]
            for other in queue.apps.values():
                if other is not mine and other.is_registered:
                    ordinals = other.confirm(stream, guids)
                    confirmed.removed.extend(queue.store.release(ordinals, now))
            return confirmed

        return shared

    wrap(Queue, "confirm", make)


@defect("queue", "PUSH SUB CFG")
def reconfigure_delivers_again() -> None:
    """A consumer that configures anew gets again what it holds."""

    def make(configure: Callable[..., None]) -> Callable[..., None]:
        def restart(self: ControlDesk, handle: Any, sub_stream: Any, specs: Any) -> None:
            queue, now = handle.entry.queue, self._context.now
            queue.detach(sub_stream.stream, now)
            queue.attach(sub_stream.stream, sub_stream.app_id)
            configure(self, handle, sub_stream, specs)

        return restart

    wrap(ControlDesk, "_reconfigure", make)


@defect("queue", "CFG")
def deconfigured_still_served() -> None:
    """A consumer that deconfigures is served on."""

    def make(configure: Callable[..., None]) -> Callable[..., None]:
        def stubborn(self: ControlDesk, handle: Any, sub_stream: Any, specs: Any) -> None:
            if specs or not sub_stream.stream.subscriptions:
                configure(self, handle, sub_stream, specs)

        return stubborn

    wrap(ControlDesk, "_reconfigure", make)


@defect("queue", "CFG")
def deconfigure_confirms() -> None:
    """What a consumer holds when it deconfigures is taken for confirmed."""

    def confirm(desk: ControlDesk, entry: Any, stream: Stream) -> None:
        held = [guid for each in stream.subscriptions for guid in each.unconfirmed]
        entry.queue.confirm(stream, held, desk._context.now)

    _before_deconfigure(confirm)


@defect("queue", "CFG")
def deconfigure_forgets_unconfirmed() -> None:
    """What a consumer holds when it deconfigures is not delivered again when it closes."""
    _before_deconfigure(lambda _, __, stream: stream.release())


def _before_deconfigure(look: Callable[[ControlDesk, Any, Stream], Any]) -> None:
    def deconfiguring(self: ControlDesk, handle: Any, sub_stream: Any, specs: Any) -> None:
        if not specs:
            look(self, handle.entry, sub_stream.stream)

    before(ControlDesk, "_reconfigure", deconfiguring)
