"""The list of commands, as HELP gives it."""

from __future__ import annotations

from typing import Final

from reference_broker.admin.results import CommandSpec, Help

_DOMAIN: Final = "DOMAINS DOMAIN <name>"
_QUEUE: Final = f"{_DOMAIN} QUEUE <queue_name>"
_CLUSTER: Final = "CLUSTERS CLUSTER <name>"
_PARTITION: Final = f"{_CLUSTER} STORAGE PARTITION"
_REPLICATION: Final = f"{_CLUSTER} STORAGE REPLICATION"
_ELECTOR: Final = f"{_CLUSTER} STATE ELECTOR"

# The forms and their order are the peer's.
_COMMANDS: Final = (
    ("HELP", "List the commands"),
    ("BROKERCONFIG DUMP", "Print the configuration that the broker runs with"),
    (f"{_DOMAIN} PURGE", "Remove all messages of all queues of the domain"),
    (f"{_DOMAIN} INFOS", "Print the domain's configuration, usage and queues"),
    (
        f"{_QUEUE} PURGE <appId>",
        "Remove the messages that the app has not confirmed; '*' removes all messages of the queue",
    ),
    (f"{_QUEUE} INTERNALS", "Print the queue's storage, clients and delivery"),
    (
        f"{_QUEUE} LIST [<appId>] <offset> <count>",
        (
            "List messages of the queue, or those that the app has not confirmed. A negative offset "
            "counts from the end. The count is UNLIMITED for all that follow; a negative one lists so "
            "many before the offset."
        ),
    ),
    ("DOMAINS RECONFIGURE <domain>", "Read the domain's file again and apply it at once"),
    (
        "DOMAINS RESOLVER CACHE_CLEAR (<domain>|ALL)",
        "Forget where the domain, or every domain, was found",
    ),
    (
        "DOMAINS REMOVE <domain> [FINALIZE]",
        (
            "Remove a domain without open queues, in two rounds. The first purges it and refuses to "
            "open its queues from then on; its file may be deleted after that. The second, with "
            "FINALIZE, forgets it, so that a domain of that name may be made again."
        ),
    ),
    (
        "CONFIGPROVIDER CACHE_CLEAR (<domain>|ALL)",
        "Forget the configuration of the domain, or of every domain, that was read before",
    ),
    ("STAT SHOW", "Print the statistics"),
    ("STAT SET <parameter> <value>", "Change a parameter of the statistics"),
    ("STAT GET <parameter>", "Print a parameter of the statistics"),
    ("STAT LIST_TUNABLES", "List the parameters of the statistics"),
    ("CLUSTERS LIST", "List the active clusters and their nodes"),
    (f"{_CLUSTER} STATUS", "Print the cluster's health, nodes, partitions and storage"),
    (f"{_CLUSTER} QUEUEHELPER", "Print the cluster's queues and how far their opening is"),
    (f"{_CLUSTER} FORCE_GC_QUEUES", "Remove the queues that are empty and that nobody has open"),
    (f"{_CLUSTER} STORAGE SUMMARY", "Print the files and queues of all partitions"),
    (f"{_PARTITION} <partitionId> [ENABLE|DISABLE]", "Allow or forbid writing to the partition"),
    (f"{_PARTITION} <partitionId> SUMMARY", "Print the files and queues of the partition"),
    (
        f"{_PARTITION} (<partitionId>|ALL) ROLLOVER",
        "Begin new files in the partition, or in every partition",
    ),
    (
        f"{_CLUSTER} STORAGE DOMAIN <domain_name> QUEUE_STATUS",
        "List the domain's queues with what they store",
    ),
    (
        f"{_REPLICATION} [SET|SET_ALL] <parameter> <value>",
        "Change a parameter of the replication here, or with SET_ALL on all nodes",
    ),
    (
        f"{_REPLICATION} [GET|GET_ALL] <parameter>",
        "Print a parameter of the replication here, or with GET_ALL on all nodes",
    ),
    (f"{_REPLICATION} LIST_TUNABLES", "List the parameters of the replication"),
    (
        f"{_ELECTOR} [SET|SET_ALL] <parameter> <value>",
        "Change a parameter of the election here, or with SET_ALL on all nodes",
    ),
    (
        f"{_ELECTOR} [GET|GET_ALL] <parameter>",
        "Print a parameter of the election here, or with GET_ALL on all nodes",
    ),
    (f"{_ELECTOR} LIST_TUNABLES", "List the parameters of the election"),
)


def help_result(*, plumbing: bool) -> Help:
    """Return the commands that there are [ADMIN-10].

    Args:
        plumbing: one line for each, for programs to read [ADMIN-12].
    """
    return Help(tuple(CommandSpec(form, text) for form, text in _COMMANDS), plumbing)
