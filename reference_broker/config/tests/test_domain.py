from __future__ import annotations

import json
from typing import Any

import pytest

from reference_broker.config.domain import (
    AppSubscription,
    Consistency,
    DomainConfig,
    Durability,
    Limits,
    Mode,
    Redirect,
    StorageKind,
    parse_domain,
)
from reference_broker.config.errors import ConfigError
from reference_broker.config.tests import peer_files

P = "definition.parameters"


def parse(document: Any, name: str = "acme.orders") -> DomainConfig:
    domain = parse_domain(name, document)
    assert isinstance(domain, DomainConfig)
    return domain


def parse_with(changes: Any) -> DomainConfig:
    """Parse a priority domain with some parameters changed, or taken out where None."""
    document = peer_files.priority_domain()
    parameters = document["definition"]["parameters"]
    for name, value in changes.items():
        if value is None:
            del parameters[name]
        else:
            parameters[name] = value
    return parse(document)


def test_every_field_arrives():
    domain = parse(json.dumps(peer_files.domain()).encode())
    assert domain == DomainConfig(
        name="acme.orders",
        location="lonely",
        mode=Mode.FANOUT,
        app_ids=("billing", "audit"),
        publish_app_id_metrics=True,
        storage=StorageKind.FILE_BACKED,
        consistency=Consistency.STRONG,
        durability=Durability.OS,
        queue_limits=Limits(
            messages=50, bytes=6000, messages_watermark_ratio=0.5, bytes_watermark_ratio=0.6
        ),
        domain_limits=Limits(
            messages=700, bytes=80000, messages_watermark_ratio=0.7, bytes_watermark_ratio=0.9
        ),
        max_consumers=3,
        max_producers=4,
        max_queues=5,
        max_idle_time_s=11,
        message_ttl_s=1200,
        max_delivery_attempts=13,
        deduplication_ms=14000,
        subscriptions=(
            AppSubscription(app_id="billing", version="E_VERSION_1", text="amount > 100"),
        ),
        unknown=domain.unknown,
        unhonoured=domain.unhonoured,
        extra=domain.extra,
    )


def test_defaults_are_the_peers():
    domain = parse(
        {
            "definition": {
                "location": "local",
                "parameters": {
                    "mode": {"priority": {}},
                    "storage": {
                        "config": {"inMemory": {}},
                        "queueLimits": {"messages": 1, "bytes": 2},
                        "domainLimits": {"messages": 3, "bytes": 4},
                    },
                    "messageTtl": 5,
                },
            }
        }
    )
    assert domain.consistency is Consistency.EVENTUAL
    assert domain.deduplication_ms == 300_000
    assert domain.queue_limits == Limits(
        messages=1, bytes=2, messages_watermark_ratio=0.8, bytes_watermark_ratio=0.8
    )
    assert (domain.max_consumers, domain.max_producers, domain.max_queues) == (0, 0, 0)
    assert (domain.max_idle_time_s, domain.max_delivery_attempts) == (0, 0)
    assert (domain.app_ids, domain.subscriptions, domain.adjustments) == ((), (), ())


@pytest.mark.parametrize(
    ("consistency", "asked", "durability"),
    [
        ("strong", None, Durability.FSYNC),
        ("eventual", None, Durability.OS),
        ("strong", "os", Durability.OS),
        ("eventual", "fsync", Durability.FSYNC),
    ],
)
def test_durability_follows_consistency_unless_it_is_given(consistency, asked, durability):
    document = peer_files.priority_domain()
    parameters = document["definition"]["parameters"]
    parameters["consistency"] = {consistency: {}}
    del parameters["storage"]["durability"]
    if asked:
        parameters["storage"]["durability"] = {asked: {}}
    assert parse(document).durability is durability


def test_durability_is_not_for_memory():
    document = peer_files.priority_domain()
    document["definition"]["parameters"]["storage"]["config"] = {"inMemory": {}}
    with pytest.raises(ConfigError, match=rf"^{P}\.storage\.durability is 'os' but must not"):
        parse(document)


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("storage.queueLimits.messages", -1, "an integer from 0 to 9223372036854775807"),
        ("storage.domainLimits.bytes", 2**63, "an integer from 0 to 9223372036854775807"),
        ("storage.queueLimits.bytesWatermarkRatio", 1.5, "a number from 0 to 1"),
        ("storage.domainLimits.messagesWatermarkRatio", "-0.1", "a number from 0 to 1"),
        ("maxDeliveryAttempts", 64, "an integer from 0 to 63"),
        ("maxConsumers", 2**31, "an integer from 0 to 2147483647"),
        ("messageTtl", -1, "an integer from 0 to 9223372036854775807"),
        ("deduplicationTimeMs", "1.5", "an integer from 0 to 2147483647"),
        ("mode", {"fifo": {}}, "exactly one member: 'fanout', 'priority' or 'broadcast'"),
        ("consistency", {"eventual": {}, "strong": {}}, "exactly one member"),
        ("storage.config", {}, "exactly one member: 'inMemory' or 'fileBacked'"),
        ("storage.durability", {"paranoid": {}}, "exactly one member: 'os' or 'fsync'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_values_are_refused_with_path_value_and_rule(path, value, rule):
    document = peer_files.priority_domain()
    keys = ["definition", "parameters", *path.split(".")]
    with pytest.raises(ConfigError) as caught:
        parse(peer_files.replaced(document, keys, value))
    assert caught.value.path == f"{P}.{path}"
    assert caught.value.value == value
    assert rule in caught.value.rule


@pytest.mark.parametrize("name", ["mode", "storage", "messageTtl"])
def test_what_the_peer_has_no_default_for_is_required(name):
    with pytest.raises(ConfigError, match=rf"^{P}\.{name} is missing but must be"):
        parse_with({name: None})


def test_an_app_id_is_not_there_twice():
    document = peer_files.domain()
    document["definition"]["parameters"]["mode"]["fanout"]["appIDs"] = ["a", "b", "a"]
    with pytest.raises(ConfigError, match=rf"^{P}\.mode\.fanout\.appIDs\[2\] is 'a' but must not"):
        parse(document)


def test_a_broadcast_domain_is_made_eventual_and_says_so():
    domain = parse_with({"mode": {"broadcast": {}}, "consistency": {"strong": {}}})
    assert domain.consistency is Consistency.EVENTUAL
    assert domain.durability is Durability.OS
    assert len(domain.adjustments) == 1
    assert f"{P}.consistency is 'strong'" in domain.adjustments[0]
    assert (
        parse_with({"mode": {"broadcast": {}}, "consistency": {"eventual": {}}}).adjustments == ()
    )


def test_a_redirect_is_another_kind_of_domain():
    assert parse_domain("acme.old", b'{"redirect": "acme.new"}') == Redirect(
        name="acme.old", target="acme.new"
    )


@pytest.mark.parametrize("raw", [b"{}", b'{"redirect": "a", "definition": {}}', b'{"redir": "a"}'])
def test_a_document_is_a_definition_or_a_redirect(raw):
    with pytest.raises(ConfigError) as caught:
        parse_domain("acme.orders", raw)
    assert caught.value.path == ""
    assert caught.value.rule.endswith("exactly one member: 'definition' or 'redirect'")


def test_the_name_is_the_files_and_a_different_one_inside_is_reported():
    assert f"{P}.name" not in parse(peer_files.domain(), "acme.orders").unhonoured
    domain = parse(peer_files.domain(), "acme.copied")
    assert domain.name == "acme.copied"
    assert f"{P}.name" in domain.unhonoured
    assert domain.extra[f"{P}.name"] == "acme.orders"


def test_zero_asks_for_nothing():
    off = {"maxConsumers": 0, "maxProducers": 0, "maxQueues": 0, "maxIdleTime": 0}
    unhonoured = parse_with(off).unhonoured
    assert not {f"{P}.{name}" for name in off} & set(unhonoured)
