"""Defects of the choice among consumers, of their flow control, and of expressions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reference_broker.core import control
from reference_broker.core.control import ControlDesk
from reference_broker.queue import App, Queue
from reference_broker.queue.routing import Group, Router
from reference_broker.queue.stream import Subscription
from suites.harness.defects.doors import after, before, defect, door, replace, wrap

_INVALID: Final = -(2**31)
_PRIORITY_MAX: Final = 2**30 - 1
_UNLIMITED: Final = 2**31 - 1


def _change_specs(change: Callable[[Any], Any]) -> None:
    """Let the queues see other subscriptions than those that clients asked for."""

    def make(configure: Callable[..., None]) -> Callable[..., None]:
        def changed(self: ControlDesk, handle: Any, sub_stream: Any, specs: list[Any]) -> None:
            kept = [change(s) if s.priority != _INVALID else s for s in specs]
            configure(self, handle, sub_stream, kept)

        return changed

    wrap(ControlDesk, "_reconfigure", make)


# Priorities and turns.


@defect("queue", "PUSH SUB CAST SDK")
def priorities_upside_down() -> None:
    """The consumers of the lowest priority are served, and not those of the highest."""
    _change_specs(lambda spec: spec._replace(priority=-spec.priority))


@defect("queue", "PUSH SUB CAST FAN")
def priorities_ignored() -> None:
    """All consumers are served, whatever their priority."""
    _change_specs(lambda spec: spec._replace(priority=0))


@defect("queue", "CFG")
def large_priorities_cut() -> None:
    """A priority above 2^30 - 1 counts as that."""
    _change_specs(lambda spec: spec._replace(priority=min(spec.priority, _PRIORITY_MAX)))


@defect("queue", "PUSH SUB FAN")
def round_robin_stuck() -> None:
    """The first consumer gets everything while it has room."""

    def stuck(group: Group, _: int) -> None:
        if group.subscriptions[group.turn].is_full:
            group.look()

    replace(Group, "given", stuck)

    def start_over(group: Group) -> None:
        group.turn = 0

    before(Group, "next_with_room", start_over)


@defect("queue", "PUSH SUB")
def weights_ignored() -> None:
    """Every consumer gets one message in its turn, whatever its consumerPriorityCount."""
    _change_specs(lambda spec: spec._replace(weight=1))


@defect("queue", "PUSH SUB")
def weights_off_by_one() -> None:
    """Every consumer gets one message more than its consumerPriorityCount in its turn."""
    _change_specs(lambda spec: spec._replace(weight=spec.weight + 1))


@defect("queue", "PUSH")
def overflow_goes_to_lower_priority() -> None:
    """When the consumers of the highest priority are full, the next ones get the messages."""

    def make(serve: Callable[..., None]) -> Callable[..., None]:
        def all_levels(group: Group, members: list[Subscription], previous: Any) -> None:
            serve(group, members, previous)
            if len({member.spec.priority for member in members}) > 1:
                group.subscriptions = sorted(members, key=lambda m: -m.spec.priority)
                group.turn = 0

        return all_levels

    def highest_first(group: Group) -> None:
        if len({each.spec.priority for each in group.subscriptions}) > 1:
            group.turn = 0

    wrap(Group, "serve", make)
    before(Group, "next_with_room", highest_first)


@defect("queue", "PUSH SUB")
def copies_to_every_consumer() -> None:
    """In priority mode every consumer of the highest priority gets every message."""

    def copied(deliveries: list[Any], queue: Queue, *_: Any) -> list[Any]:
        found = list(deliveries)
        for delivery in deliveries:
            mine = delivery.subscription
            app = queue.streams[mine.stream]
            found += [
                delivery._replace(subscription=other)
                for group in app.router.groups
                for other in group.subscriptions
                if other is not mine and mine in group.subscriptions
            ]
        return found

    after(Queue, "deliver", copied)


@defect("queue", "CAST SDK")
def broadcast_to_the_first() -> None:
    """In broadcast mode only the first consumer gets the messages."""

    def first(recipients: Any, *_: Any) -> Any:
        for each in recipients:
            yield each
            return

    after(Router, "recipients", first)


@defect("queue", "CAST")
def broadcast_must_be_confirmed() -> None:
    """In broadcast mode a consumer gets no more than it may hold unconfirmed."""

    def counted(recipients: Any, *_: Any) -> Any:
        for subscription, messages in recipients:
            room = subscription.spec.messages_max - len(subscription.unconfirmed)
            for message in messages[:room]:
                subscription.unconfirmed[message[0]] = 0
            yield subscription, messages[:room]

    after(Router, "recipients", counted)


@defect("queue", "CAST")
def broadcast_without_capacity() -> None:
    """In broadcast mode a consumer without capacity gets messages all the same."""

    def make(recipients: Callable[..., Any]) -> Callable[..., Any]:
        def everybody(router: Router, messages: Any, lookup: Any) -> Any:
            yield from recipients(router, messages, lookup)
            app = next((a for a in apps if a.router is router), None)
            for stream in app.streams if app is not None else ():
                for each in stream.subscriptions:
                    if not each.has_room:
                        yield each, messages

        return everybody

    apps: list[App] = []

    def note(app: App, *_: Any) -> None:
        if app not in apps:
            apps.append(app)

    before(App, "broadcast", note)
    wrap(Router, "recipients", make)
    _change_specs_of_zero()


def _change_specs_of_zero() -> None:
    _change_specs(
        lambda spec: spec._replace(
            messages_max=spec.messages_max or 1024, bytes_max=spec.bytes_max or 1 << 20
        )
    )


# Flow control.


@defect("queue", "PUSH FAN SUB")
def one_more_unconfirmed() -> None:
    """A consumer gets one message more than its maxUnconfirmedMessages."""
    _change_specs(lambda spec: spec._replace(messages_max=spec.messages_max + 1))


@defect("queue", "PUSH FAN SUB")
def one_fewer_unconfirmed() -> None:
    """A consumer gets one message fewer than its maxUnconfirmedMessages."""
    _change_specs(lambda spec: spec._replace(messages_max=max(spec.messages_max - 1, 0)))


@defect("queue", "PUSH SDK")
def unconfirmed_bytes_ignored() -> None:
    """A consumer's maxUnconfirmedBytes is no limit."""
    _change_specs(lambda spec: spec._replace(bytes_max=spec.bytes_max and _UNLIMITED))


@defect("queue", "PUSH SDK")
def bytes_not_released() -> None:
    """A confirmation gives back the place of a message, but not its bytes."""

    def make(confirm: Callable[..., Any]) -> Callable[..., Any]:
        def leaking(subscription: Subscription, guids: Any) -> Any:
            size = subscription.unconfirmed_bytes
            found = confirm(subscription, guids)
            subscription.unconfirmed_bytes = size
            subscription.update_fullness()
            return found

        return leaking

    wrap(Subscription, "confirm", make)


@defect("queue", "PUSH FAN SUB")
def room_not_noticed() -> None:
    """A consumer that was full gets nothing more until it is empty."""

    def make(update: Callable[..., None]) -> Callable[..., None]:
        def slow(subscription: Subscription) -> None:
            if not (subscription.is_full and subscription.unconfirmed):
                update(subscription)

        return slow

    wrap(Subscription, "update_fullness", make)


@defect("queue", "PUSH")
def resumes_at_once() -> None:
    """A full consumer is served again after one confirmation, and not from 80 % on."""

    def look(subscription: Subscription) -> None:
        subscription.is_full = False

    before(Subscription, "update_fullness", look)


@defect("queue", "PUSH CAST")
def zero_means_unlimited() -> None:
    """A consumer whose limits are 0 gets everything."""
    _change_specs_of_zero()


@defect("queue", "SUB")
def limits_shared_by_subscriptions() -> None:
    """The limits of a consumer's first subscription hold for all of them together."""

    def make(room: Callable[..., bool]) -> Callable[..., bool]:
        def shared(subscription: Subscription) -> bool:
            stream = subscription.stream
            first = stream.subscriptions[0] if stream.subscriptions else subscription
            return room(subscription) and stream.unconfirmed_count < first.spec.messages_max

        return shared

    getter = door(Subscription, "has_room").fget
    replace(Subscription, "has_room", property(make(getter)))


# Subscriptions.


@defect("queue", "SUB PUSH SDK")
def first_subscription_only() -> None:
    """Of a consumer's subscriptions only the first one counts."""

    def make(configure: Callable[..., None]) -> Callable[..., None]:
        def one(self: ControlDesk, handle: Any, sub_stream: Any, specs: list[Any]) -> None:
            configure(self, handle, sub_stream, specs[:1])

        return one

    wrap(ControlDesk, "_reconfigure", make)


@defect("queue", "SUB")
def consumers_of_a_subscription_numbered() -> None:
    """Each further consumer of a subscription gets messages under an id of its own."""

    def numbered(spec: Any) -> Any:
        number = spec.key.rpartition("#")[2]
        return spec._replace(push_id=spec.push_id + (int(number) if number.isdecimal() else 0))

    _change_specs(numbered)


@defect("queue", "SUB")
def first_consumer_of_a_subscription_only() -> None:
    """Of a subscription's consumers only the first one counts."""
    _keep_consumers(first=True)


@defect("queue", "SUB")
def last_consumer_of_a_subscription_only() -> None:
    """Of a subscription's consumers only the last one counts."""
    _keep_consumers(first=False)


def _keep_consumers(*, first: bool) -> None:
    def make(configure: Callable[..., None]) -> Callable[..., None]:
        def one_each(self: ControlDesk, handle: Any, sub_stream: Any, specs: list[Any]) -> None:
            kept = {spec.push_id: spec for spec in (specs[::-1] if first else specs)}
            configure(self, handle, sub_stream, [s for s in specs if kept[s.push_id] is s])

        return one_each

    wrap(ControlDesk, "_reconfigure", make)


@defect("queue", "SUB SDK CAST")
def subscriptions_ignored() -> None:
    """Consumers get every message, whatever their expressions."""
    replace(control, "_predicate", lambda *_: None)


@defect("queue", "SUB")
def full_subscription_blocks() -> None:
    """A message that waits for a full subscription holds up those that others want."""

    def make(route: Callable[..., Any]) -> Callable[..., Any]:
        def blocking(app: App, messages: Any, round_: Any, leave: Any) -> Any:
            for index, message in enumerate(messages):
                target = app.router.route(message, app._lookup)
                if not isinstance(target, Group) and target:
                    for group in app.router.groups:
                        group.is_open = False
                    return route(app, messages[:index], round_, leave)
                done = route(app, [message], round_, leave)
                if not done:
                    return index
            return len(messages)

        return blocking

    wrap(App, "_route", make)


@defect("queue", "SUB APP")
def unwanted_confirmed_at_once() -> None:
    """A message that no subscription wants is gone, and nobody who comes later gets it."""

    def make(put_aside: Callable[..., Any]) -> Callable[..., Any]:
        def drop(app: App, messages: Any, round_: Any, leave: Any) -> Any:
            done = put_aside(app, messages, round_, leave)
            for message in messages[:done]:
                if app.router.route(message, app._lookup) == []:
                    app.put_aside.discard(message[5])
            return done

        return drop

    wrap(App, "_route", make)


@defect("queue", "SUB CFG")
def put_aside_not_looked_at_again() -> None:
    """What nobody wanted is not looked at again when subscriptions change."""

    def forget(_: None, app: App) -> None:
        app._retry = None

    after(App, "_rebuild", forget)


@defect("queue", "SUB")
def waiting_for_a_group_forgotten() -> None:
    """What waits for a full subscription is not delivered when there is room again."""
    replace(App, "_serve_waiting", lambda _, __: True)


@defect("queue", "SUB CFG")
def change_of_subscriptions_not_noticed() -> None:
    """A consumer that configures anew is served as before, once there is any."""

    def late(app: App) -> None:
        app._is_stale = app._is_stale or not app.router.groups

    replace(App, "refresh", late)
