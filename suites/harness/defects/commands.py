"""Defects of admin commands and their answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as changed_copy
from typing import Any

from reference_broker.admin import (
    ALL_APPS,
    BrokerConfigDump,
    ClusterCommand,
    CommandError,
    ConsumerStatus,
    Error,
    OutputEncoding,
    ParsedCommand,
    PurgedQueue,
    PurgedQueues,
    QueueContents,
    Result,
    Success,
    parse_command,
)
from reference_broker.config import DomainNotFound
from reference_broker.core import admin_desk, admin_domains, admin_internals, statistics
from reference_broker.core.admin_clusters import ClusterOffice
from reference_broker.core.admin_desk import AdminDesk
from reference_broker.core.admin_domains import DomainOffice
from reference_broker.core.counters import QueueCounters
from reference_broker.core.domains import Domains
from reference_broker.core.state import DomainEntry
from reference_broker.queue import Queue
from suites.harness.defects.doors import after, defect, door, replace, wrap

_HELP = "HELP"


def _change_results(kind: type, change: Callable[[Any], Any]) -> None:
    """Let commands have other results of one kind."""
    wrap(
        admin_desk,
        "render",
        lambda render: (
            lambda result, encoding: render(
                change(result) if isinstance(result, kind) else result, encoding
            )
        ),
    )


def _change_texts(change: Callable[[str], str]) -> None:
    """Read other commands than those that came."""
    wrap(admin_desk, "parse_command", lambda parse: lambda text: parse(change(text)))


# Commands and answers.


@defect("admin", "ADMIN APP")
def admin_json_is_text() -> None:
    """An answer is text, even if JSON was asked for."""
    wrap(
        admin_desk,
        "render",
        lambda render: lambda result, _: render(result, OutputEncoding.TEXT),
    )


@defect("admin", "ADMIN")
def admin_json_always_compact() -> None:
    """JSON_PRETTY is answered as JSON_COMPACT."""

    def compact(render: Callable[..., str]) -> Callable[..., str]:
        def dense(result: Result, encoding: OutputEncoding) -> str:
            is_pretty = encoding is OutputEncoding.JSON_PRETTY
            return render(result, OutputEncoding.JSON_COMPACT if is_pretty else encoding)

        return dense

    wrap(admin_desk, "render", compact)


@defect("admin", "ADMIN")
def admin_keywords_in_capitals_only() -> None:
    """A command whose words are not in capitals is not understood."""
    _change_texts(lambda text: text if text[:1] == "{" or text[:1].isupper() else "?")


@defect("admin", "ADMIN")
def unreadable_command_unanswered() -> None:
    """A command that cannot be read gets an empty answer."""
    replace(admin_desk, "decode_error_text", lambda _: "")


@defect("admin", "ADMIN")
def unreadable_command_is_help() -> None:
    """A command that cannot be read is answered with the help."""

    def make(parse: Callable[..., ParsedCommand]) -> Callable[..., ParsedCommand]:
        def lenient(text: str) -> ParsedCommand:
            try:
                return parse(text)
            except CommandError:
                return parse(_HELP)

        return lenient

    wrap(admin_desk, "parse_command", make)


@defect("admin", "ADMIN")
def commands_last_first() -> None:
    """Of commands that wait the newest is executed first."""

    def make(missing: Callable[..., str]) -> Callable[..., str]:
        def impatient(self: AdminDesk, command: Any) -> str:
            domain = missing(self, command)
            self._jobs.reverse() if domain and len(self._jobs) > 1 else None
            return domain

        return impatient

    wrap(AdminDesk, "_missing_domain", make)

    def overtake(self: AdminDesk, requester: Any, text: str) -> None:
        if self._awaited and text == _HELP:
            parsed = parse_command(text)
            self._answer(requester, parsed, self._execute(parsed))
            return
        take(self, requester, text)

    take = door(AdminDesk, "_take")
    replace(AdminDesk, "_take", overtake)


@defect("admin", "ADMIN")
def help_without_clusters() -> None:
    """The help leaves a part of the commands out."""
    after(
        admin_desk,
        "help_result",
        lambda result, *_: changed_copy(result, commands=result.commands[:2]),
    )


@defect("admin", "ADMIN")
def answers_without_request_number() -> None:
    """An admin answer carries rId 0."""
    wrap(
        AdminDesk,
        "_reply",
        lambda reply: (
            lambda self, requester, text, rc: reply(
                self, requester if isinstance(requester, int) else (requester[0], 0), text, rc
            )
        ),
    )


@defect("admin", "ADMIN")
def error_says_success() -> None:
    """A command that has failed is answered with success."""
    _change_results(Error, lambda _: Success())


@defect("admin", "ADMIN")
def success_says_nothing() -> None:
    """A command that has nothing to tell is answered with nothing."""
    wrap(
        admin_desk,
        "render",
        lambda render: (
            lambda result, encoding: "" if isinstance(result, Success) else render(result, encoding)
        ),
    )


@defect("admin", "ADMIN")
def broker_configuration_empty() -> None:
    """BROKERCONFIG DUMP shows an empty configuration."""
    _change_results(BrokerConfigDump, lambda _: BrokerConfigDump("{}"))


# Clusters and statistics.


@defect("admin", "ADMIN")
def any_cluster_is_ours() -> None:
    """Commands about a cluster that does not exist are executed for the one that does."""

    def make(execute: Callable[..., Result]) -> Callable[..., Result]:
        def lenient(self: ClusterOffice, command: ClusterCommand) -> Result:
            name = self._context.cluster.name
            return execute(self, changed_copy(command, cluster=name))

        return lenient

    wrap(ClusterOffice, "execute", make)


@defect("admin", "ADMIN")
def tunables_not_set() -> None:
    """Setting a tunable is answered, and changes nothing."""

    def make(setting: Callable[..., Result]) -> Callable[..., Result]:
        def forgetful(self: ClusterOffice, command: Any) -> Result:
            old = dict(self._quorum)
            result = setting(self, command)
            self._quorum = old
            return result

        return forgetful

    wrap(ClusterOffice, "_set_tunable", make)


@defect("admin", "ADMIN")
def partitions_numbered_from_one() -> None:
    """A command about a partition means the one before."""

    def make(control: Callable[..., Result]) -> Callable[..., Result]:
        def shifted(self: ClusterOffice, command: Any) -> Result:
            number = command.partition_id
            if number is not None:
                command = changed_copy(command, partition_id=number % 4 + 1 if number < 0 else 0)
            return control(self, command)

        return shifted

    wrap(ClusterOffice, "_control_partition", make)


@defect("admin", "ADMIN")
def statistics_count_events() -> None:
    """Statistics count batches of messages where they should count messages."""

    def ones(metrics: dict[str, int], *_: Any) -> dict[str, int]:
        return {name: min(value, 1) for name, value in metrics.items()}

    after(statistics, "queue_metrics", ones)


@defect("admin", "ADMIN")
def confirms_not_counted() -> None:
    """Statistics do not count confirmations."""
    replace(QueueCounters, "confirm_messages", property(lambda _: 0, lambda _, __: None))


# Domains and queues.


@defect("admin", "ADMIN")
def list_off_by_one() -> None:
    """LIST counts its offset from 1."""
    _change_range(lambda offset, count: (offset - 1 if offset > 0 else offset, count))


@defect("admin", "ADMIN")
def list_from_the_end_ignored() -> None:
    """LIST takes a negative offset for 0."""
    _change_range(lambda offset, count: (max(offset, 0), count))


@defect("admin", "ADMIN")
def list_backwards_ignored() -> None:
    """LIST takes a negative count for its absolute value."""
    _change_range(lambda offset, count: (offset, abs(count)))


def _change_range(change: Callable[[int, int], tuple[int, int]]) -> None:
    wrap(
        Queue,
        "list_messages",
        lambda listed: (
            lambda queue, app_id, offset, count: listed(queue, app_id, *change(offset, count))
        ),
    )


@defect("admin", "ADMIN APP")
def list_ignores_the_app() -> None:
    """LIST of an app shows all that is stored."""
    wrap(
        Queue,
        "list_messages",
        lambda listed: lambda queue, _, offset, count: listed(queue, None, offset, count),
    )


@defect("admin", "ADMIN")
def list_without_sizes() -> None:
    """LIST shows the size 0 for every message."""

    def empty(contents: QueueContents) -> QueueContents:
        messages = tuple(changed_copy(each, size_bytes=0) for each in contents.messages)
        return changed_copy(contents, messages=messages)

    _change_results(QueueContents, empty)


@defect("admin", "ADMIN")
def infos_show_every_queue_as_idle() -> None:
    """INFOS shows no active queues."""
    after(
        admin_domains,
        "domain_info",
        lambda info, *_: changed_copy(info, queue_uris=()),
    )


@defect("admin", "ADMIN")
def unknown_app_shown_as_registered() -> None:
    """INTERNALS shows every app as alive."""
    wrap(
        admin_internals,
        "ConsumerStatus",
        lambda status: lambda _: status(ConsumerStatus.ALIVE.value),
    )


@defect("admin", "ADMIN")
def missing_domain_is_empty() -> None:
    """A command about a domain that does not exist succeeds."""

    def make(execute: Callable[..., Result]) -> Callable[..., Result]:
        def lenient(self: AdminDesk, parsed: Any, name: str, outcome: Any) -> Result:
            missing = isinstance(outcome, DomainNotFound)
            return Success() if missing else execute(self, parsed, name, outcome)

        return lenient

    wrap(AdminDesk, "_execute_loaded", make)


@defect("admin", "ADMIN")
def unloaded_domain_unknown() -> None:
    """A command about a domain that has a file and is not loaded is an error."""

    def make(execute: Callable[..., Result]) -> Callable[..., Result]:
        def strict(self: AdminDesk, parsed: Any, name: str, outcome: Any) -> Result:
            del self, parsed, outcome
            return Error(f"Domain '{name}' doesn't exist")

        del execute
        return strict

    wrap(AdminDesk, "_execute_loaded", make)


# Purging and removing.


@defect("admin", "ADMIN")
def purge_of_one_app_is_for_all() -> None:
    """A purge of one app takes the messages of all of them."""
    wrap(
        DomainOffice,
        "_purge",
        lambda purge: lambda self, entry, _: purge(self, entry, ALL_APPS),
    )


@defect("admin", "ADMIN LIMIT")
def purge_does_nothing() -> None:
    """A purge is answered with what is there, and takes nothing away."""

    def keep(self: DomainOffice, entry: Any, app_id: str) -> Any:
        del self
        usage = entry.queue.usage
        return PurgedQueue(
            queue_uri=entry.queue.uri.canonical,
            app_id="*",
            app_key="0" * 10,
            num_messages_purged=usage.messages if app_id == ALL_APPS else 0,
            num_bytes_purged=usage.bytes if app_id == ALL_APPS else 0,
        )

    replace(DomainOffice, "_purge", keep)


@defect("admin", "ADMIN")
def purge_count_wrong() -> None:
    """A purge says that it took one message more than it did."""
    after(
        DomainOffice,
        "_purge",
        lambda purged, *_: changed_copy(purged, num_messages_purged=purged.num_messages_purged + 1),
    )


@defect("admin", "ADMIN")
def purge_of_a_domain_takes_one_queue() -> None:
    """A purge of a domain takes the messages of its first queue."""

    def first(self: DomainOffice, domain: DomainEntry) -> PurgedQueues:
        entries = list(domain.queues.values())[:1]
        return PurgedQueues(tuple(self._purge(entry, ALL_APPS) for entry in entries))

    replace(DomainOffice, "_purge_all", first)


@defect("admin", "ADMIN")
def remove_while_in_use() -> None:
    """DOMAINS REMOVE begins although a queue of the domain is open."""

    def make(remove: Callable[..., Result]) -> Callable[..., Result]:
        def careless(self: DomainOffice, domain: DomainEntry, *, is_final: bool) -> Result:
            if not is_final and any(entry.is_in_use for entry in domain.queues.values()):
                domain.is_removing = True
                return self._purge_all(domain)
            return remove(self, domain, is_final=is_final)

        return careless

    wrap(DomainOffice, "_remove", make)


@defect("admin", "ADMIN")
def remove_in_one_round() -> None:
    """DOMAINS REMOVE FINALIZE does not ask for the first round."""

    def look(self: DomainOffice, domain: DomainEntry, *, is_final: bool) -> Result:
        domain.is_removing = domain.is_removing or is_final
        result: Result = remove(self, domain, is_final=is_final)
        return result

    remove = door(DomainOffice, "_remove")
    replace(DomainOffice, "_remove", look)


@defect("admin", "ADMIN")
def remove_leaves_messages() -> None:
    """DOMAINS REMOVE leaves the queues and their messages where they are."""

    def keep(self: DomainOffice, domain: DomainEntry, *, is_final: bool) -> Result:
        del self
        if is_final or any(entry.is_in_use for entry in domain.queues.values()):
            return Success() if is_final else Error("it is in use")
        domain.is_removing = True
        return PurgedQueues(())

    replace(DomainOffice, "_remove", keep)


@defect("admin", "ADMIN")
def removed_domain_stays_closed() -> None:
    """After DOMAINS REMOVE FINALIZE the domain cannot be opened any more."""

    def keep(result: Result, self: Any, domain: DomainEntry) -> Result:
        self._context.domains[domain.name] = domain
        return result

    after(Domains, "forget", keep)
