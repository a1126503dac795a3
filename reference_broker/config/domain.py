"""Domains: what the broker knows about one, and how a domain file becomes that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from reference_broker.config.document import RawConfig, document_json, load_document
from reference_broker.config.domain_file import (
    DefinitionFile,
    DomainFile,
    DurabilityFile,
    FanoutFile,
    LimitsFile,
)
from reference_broker.config.errors import ConfigError
from reference_broker.config.findings import Findings
from reference_broker.config.reader import Unhonoured, read_as
from reference_broker.config.unhonoured import DOMAIN_UNHONOURED

_PARAMETERS: Final = "definition.parameters"
_NAME: Final = f"{_PARAMETERS}.name"


class Mode(Enum):
    """How the queues of a domain hand out messages."""

    PRIORITY = "priority"
    FANOUT = "fanout"
    BROADCAST = "broadcast"


class StorageKind(Enum):
    """Where the messages of a domain are."""

    IN_MEMORY = "inMemory"
    FILE_BACKED = "fileBacked"


class Consistency(Enum):
    """Whether an acknowledgement waits for other nodes."""

    EVENTUAL = "eventual"
    STRONG = "strong"


class Durability(Enum):
    """What an acknowledgement waits for on the disk: the page cache, or the medium."""

    OS = "os"
    FSYNC = "fsync"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a queue, or all queues of a domain, may hold.

    Attributes:
        messages: a PUT is accepted while the stored number does not exceed this [LIMIT-1].
        bytes: the same for application data bytes [LIMIT-2].
        messages_watermark_ratio: share of `messages`, 0 to 1, at which an alarm is raised.
        bytes_watermark_ratio: share of `bytes`, 0 to 1, at which an alarm is raised.
    """

    messages: int
    bytes: int
    messages_watermark_ratio: float = 0.8
    bytes_watermark_ratio: float = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSubscription:
    """A domain's subscription for one app: what does not match is not for that app.

    Attributes:
        app_id: empty where the mode has no apps.
        version: `E_VERSION_1`, or `E_UNDEFINED` for "no expression".
        text: the expression.
    """

    app_id: str
    version: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainConfig(Findings):
    """One domain.

    Attributes:
        name: qualified name, with the tier if there is one.
        location: the cluster that has the domain.
        mode: of every queue of the domain.
        app_ids: of a fanout domain; otherwise empty.
        publish_app_id_metrics: of a fanout domain.
        storage: where messages are.
        consistency: eventual for a broadcast domain, whatever its file says.
        durability: of file-backed storage. Unless the file says otherwise `FSYNC` where
            consistency is strong, and `OS` where it is eventual.
        queue_limits: for each queue.
        domain_limits: for all queues together.
        max_consumers: per queue; 0 is "no limit".
        max_producers: per queue; 0 is "no limit".
        max_queues: 0 is "no limit".
        max_idle_time_s: seconds without progress before an alarm; 0 is "never".
        message_ttl_s: seconds that a message is kept.
        max_delivery_attempts: 0 is "no limit".
        deduplication_ms: milliseconds that the GUID of a removed message is remembered.
        subscriptions: application subscriptions.
        adjustments: a sentence for each value of the file that was replaced.
        parameters_json: the parameters as a JSON text, with every default.
    """

    name: str
    location: str
    mode: Mode
    app_ids: tuple[str, ...] = ()
    publish_app_id_metrics: bool = True
    storage: StorageKind
    consistency: Consistency
    durability: Durability
    queue_limits: Limits
    domain_limits: Limits
    max_consumers: int = 0
    max_producers: int = 0
    max_queues: int = 0
    max_idle_time_s: int = 0
    message_ttl_s: int
    max_delivery_attempts: int = 0
    deduplication_ms: int = 300_000
    subscriptions: tuple[AppSubscription, ...] = ()
    adjustments: tuple[str, ...] = ()
    parameters_json: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect(Findings):
    """A domain that is only another name for a domain.

    Attributes:
        name: of this domain.
        target: the domain to look at instead; a redirect is followed once.
    """

    name: str
    target: str


def parse_domain(name: str, raw: RawConfig) -> DomainConfig | Redirect:
    """Return what a domain file says.

    Args:
        name: qualified name of the domain: the file's name without `.json`.
        raw: the file's bytes, or its JSON value.

    Raises:
        ConfigError: the document is not JSON, or a value is not what the schema allows.
    """
    document, findings = read_as(DomainFile, load_document(raw), _unhonoured(name))
    if document.redirect is not None:
        return Redirect(
            name=name,
            target=document.redirect,
            unknown=findings.unknown,
            unhonoured=findings.unhonoured,
            extra=findings.extra,
        )
    definition = document.definition
    assert definition is not None, "a choice has a member"
    return _domain(name, definition, findings)


def _unhonoured(name: str) -> Mapping[str, Unhonoured]:
    return {**DOMAIN_UNHONOURED, _NAME: replace(DOMAIN_UNHONOURED[_NAME], neutral=name)}


def _domain(name: str, definition: DefinitionFile, findings: Findings) -> DomainConfig:
    parameters = definition.parameters
    mode = Mode(parameters.mode.chosen)
    storage = StorageKind(parameters.storage.config.chosen)
    consistency = Consistency(parameters.consistency.chosen)
    adjustments: tuple[str, ...] = ()
    if mode is Mode.BROADCAST and consistency is Consistency.STRONG:
        consistency = Consistency.EVENTUAL
        adjustments = (
            f"{_PARAMETERS}.consistency is 'strong'; a broadcast domain is always 'eventual'",
        )
    return DomainConfig(
        name=name,
        location=definition.location,
        mode=mode,
        app_ids=_app_ids(parameters.mode.fanout),
        publish_app_id_metrics=(parameters.mode.fanout or FanoutFile()).publish_app_id_metrics,
        storage=storage,
        consistency=consistency,
        durability=_durability(parameters.storage.durability, storage, consistency),
        queue_limits=_limits(parameters.storage.queue_limits),
        domain_limits=_limits(parameters.storage.domain_limits),
        max_consumers=parameters.max_consumers,
        max_producers=parameters.max_producers,
        max_queues=parameters.max_queues,
        max_idle_time_s=parameters.max_idle_time,
        message_ttl_s=parameters.message_ttl,
        max_delivery_attempts=parameters.max_delivery_attempts,
        deduplication_ms=parameters.deduplication_time_ms,
        subscriptions=tuple(
            AppSubscription(
                app_id=subscription.app_id,
                version=subscription.expression.version,
                text=subscription.expression.text,
            )
            for subscription in parameters.subscriptions
        ),
        adjustments=adjustments,
        parameters_json=document_json(parameters),
        unknown=findings.unknown,
        unhonoured=findings.unhonoured,
        extra=findings.extra,
    )


def _app_ids(fanout: FanoutFile | None) -> tuple[str, ...]:
    app_ids = fanout.app_ids if fanout else ()
    for index, app_id in enumerate(app_ids):
        if app_id in app_ids[:index]:
            path = f"{_PARAMETERS}.mode.fanout.appIDs[{index}]"
            raise ConfigError(path, app_id, "must not be in the list twice")
    return app_ids


def _durability(
    asked: DurabilityFile | None, storage: StorageKind, consistency: Consistency
) -> Durability:
    if asked is None:
        return Durability.FSYNC if consistency is Consistency.STRONG else Durability.OS
    if storage is StorageKind.IN_MEMORY:
        path = f"{_PARAMETERS}.storage.durability"
        raise ConfigError(path, asked.chosen, "must not be given for 'inMemory' storage")
    return Durability(asked.chosen)


def _limits(limits: LimitsFile) -> Limits:
    return Limits(
        messages=limits.messages,
        bytes=limits.bytes,
        messages_watermark_ratio=limits.messages_watermark_ratio,
        bytes_watermark_ratio=limits.bytes_watermark_ratio,
    )
