"""Defects of what an operator meets with: stops, alarms, and the names of domains and queues."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace as changed_copy
from typing import Any, Final

from reference_broker.base import Instant, seconds
from reference_broker.core import alarms, broker, control, domains, idleness, publish
from reference_broker.core.context import Context
from reference_broker.core.control import ControlDesk
from reference_broker.core.domains import Domains
from reference_broker.core.state import DomainEntry
from reference_broker.ports import Stop
from reference_broker.queue import App, Level, Queue, Usage
from reference_broker.queue.idle import IdleMonitor
from reference_broker.queue.stream import SIZE_BITS
from reference_broker.runtime import server
from reference_broker.wire.control import StatusCategory
from suites.harness.defects.doors import after, before, defect, replace, wrap

#: Longer than cases wait for a stop that is to take a fraction of a second.
_STOP_SECONDS: Final = 6
_TIER: Final = re.compile(r"\.~[^/]*")


# Stopping.


@defect("core", "OPEN")
def opens_while_stopping() -> None:
    """A broker that is stopping opens queues as ever."""

    def make(check: Callable[..., None]) -> Callable[..., None]:
        def lenient(self: ControlDesk, domain: DomainEntry) -> None:
            is_stopping, self._context.is_stopping = self._context.is_stopping, False
            check(self, domain)
            self._context.is_stopping = is_stopping

        return lenient

    wrap(ControlDesk, "_check_state", make)


@defect("runtime", "STOP")
def sessions_begin_while_stopping() -> None:
    """A broker that is stopping listens on, and lets clients in."""

    def make(opened: Callable[..., None]) -> Callable[..., None]:
        def lenient(self: broker.Broker, *arguments: Any) -> None:
            is_stopping, self._context.is_stopping = self._context.is_stopping, False
            opened(self, *arguments)
            self._context.is_stopping = is_stopping

        return lenient

    def listen_on(self: server.BrokerServer) -> None:
        self.feed(Stop())

    wrap(broker.Broker, "_opened", make)
    replace(server.BrokerServer, "stop", listen_on)


def _change_stop(look: Callable[[broker.Broker], None]) -> None:
    """Do something when the stop begins."""

    def make(stop: Callable[..., None]) -> Callable[..., None]:
        def changed(self: broker.Broker) -> None:
            is_first = self._stop_at is None
            stop(self)
            if is_first:
                look(self)

        return changed

    wrap(broker.Broker, "_stop", make)


@defect("core", "STOP")
def stop_does_not_wait() -> None:
    """A stop waits for no confirmation."""

    def hurry(self: broker.Broker) -> None:
        self._stop_at = self._context.now

    _change_stop(hurry)


@defect("core", "STOP")
def stop_waits_too_long() -> None:
    """A stop waits for seconds, whatever time is configured."""

    def delay(self: broker.Broker) -> None:
        self._stop_at = Instant(self._context.now + seconds(_STOP_SECONDS))

    _change_stop(delay)


@defect("core", "STOP")
def delivers_while_stopping() -> None:
    """A broker that is stopping goes on with its deliveries."""

    def go_on(self: broker.Broker) -> None:
        for entry in self._context.queues.values():
            entry.queue.is_serving = True

    _change_stop(go_on)


# Names.


def _change_uri(change: Callable[[Any], Any]) -> None:
    wrap(control, "_check_open", lambda check: lambda parameters: change(check(parameters)))


@defect("core", "OPEN")
def tier_ignored() -> None:
    """A domain is looked up without its tier."""
    _change_uri(lambda uri: changed_copy(uri, tier=""))


@defect("core", "OPEN")
def any_tier_goes() -> None:
    """What stands behind `.~` is not looked at."""

    def without(parameters: Any) -> Any:
        return changed_copy(parameters, uri=_TIER.sub("", parameters.uri))

    wrap(control, "_check_open", lambda check: lambda parameters: check(without(parameters)))


@defect("core", "OPEN")
def longest_name_refused() -> None:
    """A queue's name must be shorter than 64 characters."""

    def check(uri: Any) -> Any:
        if len(uri.queue) >= 64:
            raise control._RefusalError(StatusCategory.E_REFUSED, 0, "Queue name is too long")
        return uri

    _change_uri(check)


# Alarms.


@defect("core", "ALARM")
def alarms_missing() -> None:
    """No alarm is raised."""
    replace(Context, "alarm", lambda *_, **__: None)


@defect("queue", "ALARM")
def alarm_at_every_message() -> None:
    """A queue or domain that is nearly full raises its alarm with every message."""

    def forget(usage: Usage) -> None:
        usage._reported = Level.NORMAL

    before(Usage, "transition", forget)


@defect("queue", "ALARM")
def alarm_only_once() -> None:
    """A queue or domain that has emptied, and fills again, raises no alarm."""

    def make(add: Callable[..., None]) -> Callable[..., None]:
        def lasting(usage: Usage, *arguments: int) -> None:
            reported = usage._reported
            add(usage, *arguments)
            usage._reported = reported

        return lasting

    wrap(Usage, "add", make)


@defect("queue", "ALARM")
def watermark_ignored() -> None:
    """Only what is full raises an alarm, and nothing that is nearly so."""

    def only_full(transition: Any, _: Usage) -> Any:
        return transition if transition and transition.level is Level.FULL else None

    after(Usage, "transition", only_full)


@defect("core", "ALARM")
def domain_usage_not_watched() -> None:
    """Queues raise alarms about their limits, and domains none."""

    def look(_: Context, entry: Any) -> None:
        entry.domain.usage.transition()

    before(publish, "raise_capacity_alarms", look)


@defect("queue", "ALARM")
def held_messages_are_idle() -> None:
    """A queue counts as stuck when a message is not confirmed in time, and not only undelivered."""

    def oldest(found: int | None, app: App) -> int | None:
        held = [
            number >> SIZE_BITS
            for stream in app.streams
            for subscription in stream.subscriptions
            for number in subscription.unconfirmed.values()
        ]
        return min([*held, *([] if found is None else [found])], default=None)

    after(App, "oldest", oldest)


@defect("queue", "ALARM")
def stuck_too_early() -> None:
    """A queue counts as stuck after half of its maxIdleTime."""

    def make(init: Callable[..., None]) -> Callable[..., None]:
        return lambda self, idle_ns_max: init(self, idle_ns_max // 2)

    wrap(IdleMonitor, "__init__", make)


@defect("queue", "ALARM")
def end_of_idleness_not_told() -> None:
    """That a queue is no longer stuck is not told."""
    after(IdleMonitor, "look", lambda changes, *_: [each for each in changes if each.is_stuck])


@defect("core", "ALARM")
def stuck_app_not_named() -> None:
    """The alarm of an app that is stuck names the queue alone."""
    for module in (alarms, idleness):
        replace(module, "app_uri", lambda entry, _: entry.queue.uri.canonical)


@defect("core", "ALARM")
def stuck_without_details() -> None:
    """The alarm of an app that is stuck does not say what it waits for."""
    replace(alarms, "app_dump", lambda *_: "")


@defect("core", "ALARM")
def redelivery_list_not_told() -> None:
    """The alarm of an app that is stuck counts what came back with what was put aside."""

    def make(dump: Callable[..., str]) -> Callable[..., str]:
        def mixed(entry: Any, app: App) -> str:
            aside, back = len(app.put_aside), len(app.redelivery)
            text = dump(entry, app).replace(
                f"aside list size: {aside}", f"aside list size: {aside + back}"
            )
            return text.replace(f"Redelivery list size: {back}", "Redelivery list size: 0")

        return mixed

    wrap(alarms, "app_dump", make)


@defect("core", "ALARM")
def queues_alarm_when_all_exist() -> None:
    """A domain raises the alarm about its queues only when all exist that may."""
    replace(domains, "_QUEUES_WATERMARK", 1.0)


@defect("core", "ALARM")
def every_reader_of_an_unknown_app_alarms() -> None:
    """Each reader of an app that the domain does not have raises an alarm, and not only the first."""

    def tell(app: App, *_: Any) -> App:
        if not app.is_registered:
            app.streams = _Single(app.streams)
        return app

    after(Queue, "attach", tell)


class _Single(dict[Any, None]):
    """Streams that count as one."""

    def __len__(self) -> int:
        return min(super().__len__(), 1)


@defect("core", "ALARM")
def queue_named_by_its_first_app() -> None:
    """Alarms name a queue by the URI with which it was opened first, app and all."""

    def rename(entry: Any, _: Domains, uri: Any, *__: Any) -> Any:
        entry.queue.uri = uri
        return entry

    after(Domains, "_add", rename)
