"""What a program configures: domains, and what consumers want."""

from __future__ import annotations

from typing import Final, NamedTuple

from suites.harness.topology import DomainShape, app_subscriptions
from suites.integration.actor import Want
from suites.integration.model.expression import EXPRESSIONS

#: Apps that a fanout domain may have; those beyond its `apps` are not authorised.
APP_IDS: Final = ("foo", "bar", "baz")
#: What stands for the one app of a queue that is no fanout queue.
NO_APP: Final = ""
#: A bound that no program reaches.
PLENTY: Final = 1_000_000


class Plan(NamedTuple):
    """The configuration of a domain.

    Attributes:
        mode: `priority`, `fanout` or `broadcast`.
        storage: `inMemory` or `fileBacked`.
        is_strong: whether its consistency is strong.
        messages: `queueLimits.messages`.
        size: `queueLimits.bytes`.
        domain_messages: `domainLimits.messages`.
        ttl_s: `messageTtl`, seconds.
        attempts: `maxDeliveryAttempts`, 0 for any number.
        memory_s: `deduplicationTimeMs`, in seconds.
        consumers: `maxConsumers`, 0 for any number.
        producers: `maxProducers`, 0 for any number.
        apps: how many of `APP_IDS` are authorised.
        filters: index of an expression for each app, from the first; 0 for none.
    """

    mode: str = "priority"
    storage: str = "inMemory"
    is_strong: bool = False
    messages: int = PLENTY
    size: int = PLENTY
    domain_messages: int = PLENTY
    ttl_s: int = 3600
    attempts: int = 0
    memory_s: int = 300
    consumers: int = 0
    producers: int = 0
    apps: int = 2
    filters: tuple[int, ...] = ()

    @property
    def app_ids(self) -> tuple[str, ...]:
        """Who gets messages."""
        return APP_IDS[: self.apps] if self.mode == "fanout" else (NO_APP,)

    @property
    def is_kept(self) -> bool:
        """Whether its messages outlive the broker."""
        return self.storage == "fileBacked" and self.mode != "broadcast"

    def filter_of(self, app_id: str) -> int:
        """Return the index of an app's expression; 0 if it has none."""
        return dict(zip(self.app_ids, self.filters, strict=False)).get(app_id, 0)

    def as_shape(self) -> DomainShape:
        """Return it as the harness configures it."""
        filters = {
            app_id or "default": EXPRESSIONS[index].text
            for app_id, index in zip(self.app_ids, self.filters, strict=False)
            if index
        }
        changes: dict[str, object] = {
            "messageTtl": self.ttl_s,
            "maxDeliveryAttempts": self.attempts,
            "deduplicationTimeMs": self.memory_s * 1000,
            "maxConsumers": self.consumers,
            "maxProducers": self.producers,
            "subscriptions": app_subscriptions(**filters),
        }
        return DomainShape(
            storage=self.storage,
            consistency="strong" if self.is_strong else "eventual",
            queue_limits=(self.messages, self.size),
            domain_limits=(self.domain_messages, PLENTY * 10),
            mode=self.mode,
            app_ids=self.app_ids if self.mode == "fanout" else (),
            changes=changes,
        )


class Sub(NamedTuple):
    """A subscription that a consumer asks for.

    Attributes:
        expression: index in `EXPRESSIONS`.
        priority: of the consumer.
        weight: messages in a row, when several take turns.
        messages: maxUnconfirmedMessages.
        size: maxUnconfirmedBytes.
    """

    expression: int = 0
    priority: int = 0
    weight: int = 1
    messages: int = 100
    size: int = PLENTY

    @property
    def want(self) -> Want:
        """The same in an actor's words."""
        text = EXPRESSIONS[self.expression].text
        return Want(text, self.priority, self.weight, self.messages, self.size)
