"""Defects of admin commands at their edges: forms, words, numbers, names of what there is not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace as changed_copy
from typing import Any

from reference_broker.admin import (
    ListMessages,
    ParsedCommand,
    QueueContents,
    Result,
    Success,
    parse,
    words,
)
from reference_broker.core import admin_desk
from reference_broker.core.admin_clusters import ClusterOffice
from reference_broker.core.admin_desk import AdminDesk
from reference_broker.core.admin_domains import DomainOffice
from reference_broker.core.statistics import StatOffice
from reference_broker.queue import Queue
from suites.harness.defects.doors import after, defect, door, replace, wrap


@defect("admin", "ADMIN")
def statistics_without_end() -> None:
    """Statistics as JSON are to be had as often as somebody asks."""
    replace(StatOffice, "_takes_snapshot", lambda _: True)


@defect("admin", "ADMIN")
def statistics_never_again() -> None:
    """Once statistics were asked for too often they are not to be had any more."""

    def make(takes: Callable[[StatOffice], bool]) -> Callable[[StatOffice], bool]:
        def sulk(self: StatOffice) -> bool:
            if self._snapshots_left < 0:
                return False
            is_taken = takes(self)
            if not is_taken:
                self._snapshots_left = -1
            return is_taken

        return sulk

    wrap(StatOffice, "_takes_snapshot", make)


@defect("admin", "ADMIN")
def plumbing_ignored() -> None:
    """HELP PLUMBING is the help for people."""
    wrap(admin_desk, "help_result", lambda show: lambda **_: show(plumbing=False))


@defect("admin", "ADMIN")
def help_by_the_alphabet() -> None:
    """HELP lists the commands in another order than BlazingMQ's broker."""
    after(
        admin_desk,
        "help_result",
        lambda result: changed_copy(
            result, commands=tuple(sorted(result.commands, key=lambda each: each.command))
        ),
    )


@defect("admin", "ADMIN")
def cache_of_nothing_cleared() -> None:
    """CACHE_CLEAR succeeds for a domain that there is not."""
    replace(AdminDesk, "_clear_cache", lambda *_: Success())


@defect("admin", "ADMIN")
def cache_of_one_refused() -> None:
    """CACHE_CLEAR takes nothing but ALL."""
    wrap(
        AdminDesk,
        "_clear_cache",
        lambda clear: lambda self, domain: clear(self, domain and f"{domain} by itself"),
    )


@defect("admin", "ADMIN")
def missing_queue_is_empty() -> None:
    """LIST of a queue that there is not shows an empty one."""

    def make(show: Callable[..., Result]) -> Callable[..., Result]:
        def lenient(self: DomainOffice, domain: Any, command: Any) -> Result:
            is_there = f"bmq://{domain.name}/{command.queue}" in domain.queues
            return (
                show(self, domain, command)
                if is_there
                else QueueContents(messages=(), offset=0, total_queue_messages=0)
            )

        return lenient

    wrap(DomainOffice, "_list", make)


@defect("admin", "ADMIN")
def names_without_case() -> None:
    """Queues and clusters are found whatever the case of their names is."""

    def make(execute: Callable[..., Result]) -> Callable[..., Result]:
        def lower(self: Any, command: Any) -> Result:
            for name in ("queue", "cluster"):
                if hasattr(command, name):
                    command = changed_copy(command, **{name: getattr(command, name).lower()})
            return execute(self, command)

        return lower

    for office in (DomainOffice, ClusterOffice):
        wrap(office, "execute", make)


@defect("admin", "ADMIN")
def purge_of_all_names_the_star() -> None:
    """PURGE of all of a queue tells the app that was asked for, `*`."""
    after(
        DomainOffice,
        "_purge",
        lambda purged, *_: changed_copy(purged, app_id=purged.app_id or "*"),
    )


@defect("admin", "ADMIN")
def purge_of_an_app_without_its_key() -> None:
    """PURGE of an app tells zeros for its key."""
    after(DomainOffice, "_purge", lambda purged, *_: changed_copy(purged, app_key="0" * 10))


@defect("admin", "ADMIN")
def listed_range_kept_inside() -> None:
    """LIST takes an offset behind the end for the end."""

    def make(listed: Callable[..., Any]) -> Callable[..., Any]:
        def inside(queue: Queue, app_id: str | None, offset: int, count: int) -> Any:
            return listed(queue, app_id, min(offset, len(queue.store)), count)

        return inside

    wrap(Queue, "list_messages", make)


@defect("admin", "ADMIN")
def wide_numbers_taken() -> None:
    """A number in a command may have more than 32 bits."""
    replace(words, "is_int32", lambda _: True)


@defect("admin", "ADMIN")
def quorum_of_anything() -> None:
    """QUORUM takes every value, and counts what is no number as 1."""

    def make(setting: Callable[..., Result]) -> Callable[..., Result]:
        def lenient(self: ClusterOffice, command: Any) -> Result:
            value = command.value if type(command.value) is int else 1
            return setting(self, changed_copy(command, value=max(value, 0)))

        return lenient

    wrap(ClusterOffice, "_set_tunable", make)


@defect("admin", "ADMIN")
def json_offset_ignored() -> None:
    """LIST in its JSON form begins with the first message."""

    def first(parsed: ParsedCommand, *_: str) -> ParsedCommand:
        command = parsed.command
        if not isinstance(command, ListMessages):
            return parsed
        return changed_copy(parsed, command=changed_copy(command, offset=0))

    after(parse, "parse_json", first)


@defect("admin", "ADMIN")
def tabs_are_blanks() -> None:
    """Tabs part the words of a command, and a blank in front does not matter."""
    _read_words(lambda text: re.sub(r"\s+", " ", text).lstrip())


@defect("admin", "ADMIN")
def blanks_count() -> None:
    """Between two words there must be one blank."""
    _read_words(lambda text: re.sub("  +", " \t ", text))


@defect("admin", "ADMIN")
def superfluous_words_passed_over() -> None:
    """What follows a whole command is passed over."""
    replace(door(words, "_Words"), "last", lambda _, command: command)


def _read_words(change: Callable[[str], str]) -> None:
    """Read other words than those that came."""
    wrap(parse, "parse_words", lambda read: lambda text: read(change(text)))
