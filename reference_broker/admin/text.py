"""The TEXT form of results.

A text is made of lines that a line feed joins, so an empty last line is a line feed at the end.
"""

from __future__ import annotations

from reference_broker.admin.cluster_results import (
    ClusterList,
    ClusterProxyStatus,
    ClusterQueueHelper,
    ClusterStatus,
    ClusterStorageSummary,
)
from reference_broker.admin.parts import StorageContent
from reference_broker.admin.queue_results import QueueInternals
from reference_broker.admin.results import (
    BrokerConfigDump,
    DomainInfo,
    Error,
    Help,
    PurgedQueue,
    PurgedQueues,
    QueueContents,
    Result,
    Stats,
    Success,
    Tunable,
    TunableConfirmation,
    Tunables,
)
from reference_broker.admin.text_cluster import (
    cluster_list_lines,
    cluster_status_lines,
    proxy_status_lines,
    queue_helper_lines,
    storage_summary_lines,
)
from reference_broker.admin.text_forms import at, capacity_lines, headed, queue_table, size_text
from reference_broker.admin.text_queue import internals_lines
from reference_broker.admin.values import value_text


def result_text(result: Result) -> str:
    """Return the TEXT form of a result."""
    return "\n".join(_lines(result))


def _lines(result: Result) -> list[str]:  # noqa: C901, PLR0911, PLR0912 - one case for each kind
    match result:
        case Success():
            return ["SUCCESS"]
        case Error():
            return [result.message]
        case Help():
            return _help(result)
        case BrokerConfigDump():
            return [result.as_json]
        case Stats():
            return [result.text]
        case Tunable():
            return [f"{result.name} = {value_text(result.value)}"]
        case Tunables():
            return _tunables(result)
        case TunableConfirmation():
            new, old = value_text(result.new_value), value_text(result.old_value)
            return [f"{result.name} set to {new} from {old}"]
        case DomainInfo():
            return _domain(result)
        case PurgedQueues():
            return _purged(result)
        case QueueContents():
            return _contents(result)
        case QueueInternals():
            return internals_lines(result)
        case StorageContent():
            return ["", *queue_table(result, 0)]
        case ClusterList():
            return cluster_list_lines(result)
        case ClusterStatus():
            return cluster_status_lines(result)
        case ClusterProxyStatus():
            return proxy_status_lines(result)
        case ClusterQueueHelper():
            return queue_helper_lines(result)
        case ClusterStorageSummary():
            return storage_summary_lines(result, 0)


def _help(result: Help) -> list[str]:
    specs = [(spec.command, spec.description) for spec in result.commands]
    if result.is_plumbing:
        return [*(f"{command} - {description}" for command, description in specs), ""]
    lines = ["This process responds to the following CMD subcommands:"]
    for command, description in specs:
        lines += [at(1, command), at(2, description)]
    return [*lines, ""]


def _tunables(result: Tunables) -> list[str]:
    longest = max((len(tunable.name) for tunable in result.tunables), default=0)
    lines = []
    for tunable in result.tunables:
        lines.append(f"{tunable.name.ljust(longest + 2, '.')}: {value_text(tunable.value)}")
        lines.append(at(1, tunable.description))
    return [*lines, ""]


def _domain(info: DomainInfo) -> list[str]:
    return [
        *headed(0, "Domain:", "-------"),
        at(1, f"Name ............: {info.name}"),
        at(1, "Config ..........:"),
        info.config_json,
        at(1, f"Cluster .........: {info.cluster_name}"),
        at(1, "Capacity Meter ..: "),
        *capacity_lines(info.capacity_meter, 2),
        *headed(1, "Queues ..........: ", "------------------"),
        at(2, f"ActiveQueues ..: {len(info.queue_uris)}"),
        *(at(2, f" {index:3d}. {uri}") for index, uri in enumerate(info.queue_uris)),
        "",
        "Storage .......",
        at(1, f"Number of assigned queue-storages: {len(info.storage_content.storages)}"),
        *queue_table(info.storage_content, 2),
    ]


def _purged(result: PurgedQueues) -> list[str]:
    if not result.queues:
        return ["No queue purged."]
    purged = [queue for queue in result.queues if isinstance(queue, PurgedQueue)]
    purged.sort(key=lambda queue: -queue.num_bytes_purged)
    messages = sum(queue.num_messages_purged for queue in purged)
    size = size_text(sum(queue.num_bytes_purged for queue in purged))
    count = len(result.queues)
    return [
        f"Purged {messages:,} message(s) for a total of {size} from {count} queue(s):",
        "    NumBytes     NumMsgs      AppKey             AppId  QueueName",
        *(
            f"  {size_text(queue.num_bytes_purged):>10}  {queue.num_messages_purged:>10,}"
            f"  {queue.app_key}  {queue.app_id:>16}  {queue.queue_uri}"
            for queue in purged
        ),
        *_errors([error.message for error in result.queues if isinstance(error, Error)]),
    ]


def _errors(messages: list[str]) -> list[str]:
    return ["Errors encountered: ", *messages] if messages else []


def _contents(contents: QueueContents) -> list[str]:
    count, total = len(contents.messages), contents.total_queue_messages
    # The peer reckons so, also for an empty listing.
    last = min(contents.offset + count, total) - 1
    size = size_text(sum(message.size_bytes for message in contents.messages))
    listed = f"[{contents.offset}-{last} / {total:,}]"
    return [
        f"Printing {count} message(s) {listed} (total: {size})",
        "       GUID                              Size        Timestamp (UTC)",
        *(
            f"{index:5d}: {message.guid:>32}  {size_text(message.size_bytes):>10}"
            f"  {message.arrival_timestamp}"
            for index, message in enumerate(contents.messages, contents.offset)
        ),
        "",
    ]
