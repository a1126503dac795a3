"""Admin commands in words.

Words are separated by blanks, and only by blanks. A blank in front makes the first word empty, as
the peer has it [ADMIN-13]. Keywords may be in any case [ADMIN-4]. The texts of refusals are the peer's; one of
them it writes but then goes on, which is not imitated: `CONFIGPROVIDER FOO d` clears nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeVar

from reference_broker.admin.commands import (
    ALL_PARTITIONS,
    ClearConfigCache,
    ClearResolverCache,
    ClusterCommand,
    Command,
    CommandError,
    ControlPartition,
    DomainCommand,
    DumpBrokerConfig,
    ForceGcQueues,
    GetStatTunable,
    GetTunable,
    ListClusters,
    ListMessages,
    ListStatTunables,
    ListTunables,
    OutputEncoding,
    ParsedCommand,
    PartitionAction,
    PurgeDomain,
    PurgeQueue,
    ReconfigureDomain,
    RemoveDomain,
    SetStatTunable,
    SetTunable,
    ShowClusterStatus,
    ShowDomain,
    ShowHelp,
    ShowQueueHelper,
    ShowQueueInternals,
    ShowStatistics,
    ShowStorage,
    ShowStorageDomain,
    StatCommand,
    TunableGroup,
)
from reference_broker.admin.values import is_int32, parse_value
from reference_broker.base.limits import ADMIN_NAME_CHARS_MAX

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,20}")
_NO_COMMAND: Final = "Command must contain at least one word."

_C = TypeVar("_C", bound=Command)


def parse_words(text: str) -> ParsedCommand:
    """Return the command that a line of words says.

    Raises:
        CommandError: it says none: a word is unknown, missing or too much [ADMIN-9].
    """
    words = _Words(re.sub(" +", " ", text).split(" "))
    first = words.take(_NO_COMMAND)
    encoding = OutputEncoding.TEXT
    if keyword(first) == "ENCODING":
        encoding = _encoding(words)
        first = words.take(_NO_COMMAND)
    return ParsedCommand(_command(first, words), encoding)


def keyword(word: str) -> str:
    """Return a word in the case in which keywords are compared; only ASCII has cases here."""
    return word.upper() if word.isascii() else word


class _Words:
    """The words that are still to be read."""

    def __init__(self, words: Sequence[str]) -> None:
        for word in words:
            if len(word) > ADMIN_NAME_CHARS_MAX:
                raise CommandError(
                    f"Word has {len(word)} characters, at most {ADMIN_NAME_CHARS_MAX} are allowed"
                )
        self._words = words
        self._index = 0

    def optional(self) -> str:
        """Return the next word, or an empty one at the end."""
        if self._index == len(self._words):
            return ""
        self._index += 1
        return self._words[self._index - 1]

    def take(self, missing: str) -> str:
        """Return the next word; `missing` is the reason to refuse if there is none."""
        word = self.optional()
        if not word:
            raise CommandError(missing)
        return word

    def last(self, command: _C) -> _C:
        """Return a command whose last word has been read."""
        rest = [word for word in self._words[self._index :] if word]
        if rest:
            raise CommandError(
                "Unexpected trailing words in an otherwise well-formed command: "
                f"The extra words are: {' '.join(rest)}"
            )
        return command


def _encoding(words: _Words) -> OutputEncoding:
    rule = (
        "The ENCODING option must be followed by one of the [TEXT, JSON_COMPACT, JSON_PRETTY] "
        "settings (default: TEXT)"
    )
    word = words.take(f"{rule}, but no setting was specified.")
    try:
        return OutputEncoding(keyword(word))
    except ValueError:
        raise CommandError(f"{rule}, but the following was given: {word}") from None


def _command(first: str, words: _Words) -> Command:
    match keyword(first):
        case "HELP":
            return _help(words)
        case "DOMAINS":
            return _domains(words)
        case "CONFIGPROVIDER":
            return _config_provider(words)
        case "STAT":
            return _stat(words)
        case "CLUSTERS":
            return _clusters(words)
        case "BROKERCONFIG":
            return _broker_config(words)
        case _:
            raise CommandError(
                f'Invalid command. Send "HELP" for list of commands. Invalid command word: {first}'
            )


def _help(words: _Words) -> ShowHelp:
    word = words.optional()
    if word and keyword(word) != "PLUMBING":
        raise CommandError(f"Invalid HELP subcommand: {word}")
    return words.last(ShowHelp(plumbing=bool(word)))


def _broker_config(words: _Words) -> DumpBrokerConfig:
    word = words.take("BROKERCONFIG command must be followed by a subcommand.")
    if keyword(word) != "DUMP":
        raise CommandError(f"Unexpected BROKERCONFIG subcommand: {word}")
    return words.last(DumpBrokerConfig())


def _config_provider(words: _Words) -> ClearConfigCache:
    word = words.take("CONFIGPROVIDER command must be followed by a subcommand.")
    if keyword(word) != "CACHE_CLEAR":
        raise CommandError(f"Invalid CONFIGPROVIDER subcommand: {word}")
    return words.last(ClearConfigCache(_cached_domain(words, "CONFIGPROVIDER CACHE_CLEAR")))


def _stat(words: _Words) -> StatCommand:
    word = words.take("STAT command must be followed by a subcommand.")
    match keyword(word):
        case "SHOW":
            return words.last(ShowStatistics())
        case "SET":
            name = words.take("The command STAT SET must be followed by a parameter name.")
            value = words.take(
                "The command STAT SET <parameter> must be followed by a new value for the "
                "parameter."
            )
            return words.last(SetStatTunable(name, parse_value(value)))
        case "GET":
            name = words.take("The command STAT GET must be followed by a parameter name.")
            return words.last(GetStatTunable(name))
        case "LIST_TUNABLES":
            return words.last(ListStatTunables())
        case _:
            raise CommandError(f"Unexpected STAT subcommand: {word}")


def _domains(words: _Words) -> DomainCommand:
    rule = (
        "The DOMAINS command must be followed by one of the [DOMAIN, RESOLVER, RECONFIGURE] "
        "subcommands"
    )
    word = words.take(f"{rule}, but no subcommand was specified.")
    match keyword(word):
        case "DOMAIN":
            return _domain(words)
        case "RESOLVER":
            return _resolver(words)
        case "RECONFIGURE":
            missing = "DOMAINS RECONFIGURE command must be followed by a domain name."
            return words.last(ReconfigureDomain(words.take(missing)))
        case "REMOVE":
            return _remove(words)
        case _:
            raise CommandError(f"{rule}, but the following was given: {word}")


def _domain(words: _Words) -> DomainCommand:
    name = words.take("The DOMAINS DOMAIN command must be followed by a domain name.")
    word = words.take("The DOMAINS DOMAIN <name> command must be followed by a subcommand.")
    match keyword(word):
        case "PURGE":
            return words.last(PurgeDomain(name))
        case "INFOS":
            return words.last(ShowDomain(name))
        case "QUEUE":
            return _queue(name, words)
        case _:
            raise CommandError(f"Invalid DOMAIN subcommand: {word}")


def _queue(domain: str, words: _Words) -> DomainCommand:
    name = words.take("DOMAINS DOMAIN <name> QUEUE command must specify a queue name.")
    prefix = "DOMAINS DOMAIN <name> QUEUE <queue_name>"
    word = words.take(
        f"{prefix} command must have a subcommand, such as PURGE, INTERNALS, or LIST."
    )
    match keyword(word):
        case "PURGE":
            missing = f'{prefix} PURGE command must be followed by an appId or "*".'
            return words.last(PurgeQueue(domain, name, words.take(missing)))
        case "INTERNALS":
            return words.last(ShowQueueInternals(domain, name))
        case "LIST":
            return _list(domain, name, words)
        case _:
            raise CommandError(f"Invalid {prefix} subcommand: {word}")


def _list(domain: str, queue: str, words: _Words) -> ListMessages:
    """Parse `[<appId>] <offset> <count>`: with three words the first is the app."""
    first, second, third = words.optional(), words.optional(), words.optional()
    app_id, offset_word, count_word = (first, second, third) if third else (None, first, second)
    form = "DOMAINS DOMAIN <name> QUEUE <queue_name> LIST [<appId>] <offset> <count>"
    offset = _integer(offset_word)
    if offset is None:
        raise CommandError(f"Invalid <offset> for {form}: {offset_word}")
    count = 0 if keyword(count_word) == "UNLIMITED" else _integer(count_word)
    if count is None:
        raise CommandError(f"Invalid <count> for {form}: {count_word}")
    return words.last(ListMessages(domain, queue, app_id, offset, count))


def _resolver(words: _Words) -> ClearResolverCache:
    word = words.take("DOMAINS RESOLVER command must be followed by a subcommand.")
    if keyword(word) != "CACHE_CLEAR":
        raise CommandError(f"Invalid DOMAINS RESOLVER subcommand: {word}")
    return words.last(ClearResolverCache(_cached_domain(words, "DOMAINS RESOLVER CACHE_CLEAR")))


def _remove(words: _Words) -> RemoveDomain:
    domain = words.take("DOMAINS REMOVE command must be followed by a domain name.")
    word = words.optional()
    if word and keyword(word) != "FINALIZE":
        raise CommandError(
            f"Invalid optional key word '{word}' for DOMAINS REMOVE <domain> [FINALIZE]"
        )
    return words.last(RemoveDomain(domain, finalize=bool(word)))


def _cached_domain(words: _Words, prefix: str) -> str | None:
    word = words.take(f'{prefix} command must be followed by a domain name or "ALL".')
    return None if keyword(word) == "ALL" else word


def _clusters(words: _Words) -> ListClusters | ClusterCommand:
    word = words.take("CLUSTERS command must be followed by a subcommand.")
    match keyword(word):
        case "LIST":
            return words.last(ListClusters())
        case "CLUSTER":
            return _cluster(words)
        case _:
            raise CommandError(f"Invalid CLUSTERS subcommand: {word}")


def _cluster(words: _Words) -> ClusterCommand:
    name = words.take("CLUSTERS CLUSTER command must be followed by a cluster name.")
    word = words.take("CLUSTERS CLUSTER <name> must be followed by a subcommand.")
    match keyword(word):
        case "STATUS":
            return words.last(ShowClusterStatus(name))
        case "QUEUEHELPER":
            return words.last(ShowQueueHelper(name))
        case "FORCE_GC_QUEUES":
            return words.last(ForceGcQueues(name))
        case "STORAGE":
            return _storage(name, words)
        case "STATE":
            return _state(name, words)
        case _:
            raise CommandError(f"Invalid subcommand after CLUSTERS CLUSTER <name>: {word}")


def _storage(cluster: str, words: _Words) -> ClusterCommand:
    prefix = "CLUSTERS CLUSTER <name> STORAGE"
    word = words.take(f"The command {prefix} must be followed by a subcommand.")
    match keyword(word):
        case "SUMMARY":
            return words.last(ShowStorage(cluster))
        case "PARTITION":
            return _partition(cluster, words)
        case "DOMAIN":
            return _storage_domain(cluster, words)
        case "REPLICATION":
            # The peer names only SET and GET here.
            group = TunableGroup.REPLICATION
            return _tunable(cluster, group, words, f"{prefix} REPLICATION", ("SET", "GET"))
        case _:
            raise CommandError(f"Invalid subcommand after {prefix}: {word}")


def _partition(cluster: str, words: _Words) -> ControlPartition:
    prefix = "CLUSTERS CLUSTER <name> STORAGE PARTITION"
    id_word = words.take(f"The command {prefix} must be followed by a <partitionId>.")
    partition_id = ALL_PARTITIONS if keyword(id_word) == "ALL" else _integer(id_word)
    prefix += " <partitionId>"
    if partition_id is None:
        raise CommandError(f"Invalid <partitionId> in command {prefix}: {id_word}")
    word = words.take(f"The command {prefix} must be followed by a subcommand.")
    name = keyword(word)
    if name not in PartitionAction.__members__:
        raise CommandError(f"Invalid subcommand after {prefix}: {word}")
    return words.last(ControlPartition(cluster, partition_id, PartitionAction[name]))


def _storage_domain(cluster: str, words: _Words) -> ShowStorageDomain:
    prefix = "CLUSTERS CLUSTER <name> STORAGE DOMAIN"
    domain = words.take(f"The command {prefix} must be followed by a domain name.")
    prefix += " <domain_name>"
    word = words.take(f"The command {prefix} must be followed by a subcommand.")
    if keyword(word) != "QUEUE_STATUS":
        raise CommandError(f"Invalid subcommand after {prefix}: {word}")
    return words.last(ShowStorageDomain(cluster, domain))


def _state(cluster: str, words: _Words) -> ClusterCommand:
    prefix = "CLUSTERS CLUSTER <name> STATE"
    word = words.take(f"The command {prefix} must be followed by a subcommand.")
    if keyword(word) != "ELECTOR":
        raise CommandError(f"Invalid subcommand after {prefix}: {word}")
    names = ("[SET|SET_ALL]", "[GET|GET_ALL]")
    return _tunable(cluster, TunableGroup.ELECTOR, words, f"{prefix} ELECTOR", names)


def _tunable(
    cluster: str, group: TunableGroup, words: _Words, prefix: str, names: tuple[str, str]
) -> SetTunable | GetTunable | ListTunables:
    """Parse what follows ELECTOR or REPLICATION.

    Args:
        cluster: the cluster's name.
        group: whose parameter it is.
        words: what follows.
        prefix: the words so far, for the texts of refusals.
        names: what these texts call setting and getting.
    """
    word = words.take(f"The command {prefix} must be followed by a subcommand.")
    match keyword(word):
        case "SET" | "SET_ALL" as verb:
            command = f"The command {prefix} {names[0]}"
            name = words.take(f"{command} must be followed by a parameter name.")
            value = words.take(
                f"{command} <parameter> must be followed by a new value for the parameter."
            )
            return words.last(
                SetTunable(cluster, group, name, parse_value(value), verb == "SET_ALL")
            )
        case "GET" | "GET_ALL" as verb:
            command = f"The command {prefix} {names[1]}"
            name = words.take(f"{command} must be followed by a parameter name.")
            return words.last(GetTunable(cluster, group, name, verb == "GET_ALL"))
        case "LIST_TUNABLES":
            return words.last(ListTunables(cluster, group))
        case _:
            raise CommandError(f"Invalid subcommand after {prefix}: {word}")


def _integer(word: str) -> int | None:
    """Return the 32-bit integer that a word says, or `None`."""
    if not _INTEGER.fullmatch(word):
        return None
    number = int(word)
    return number if is_int32(number) else None
