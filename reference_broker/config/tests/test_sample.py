from __future__ import annotations

import pytest

from reference_broker.config.domain import Consistency, Durability, Limits, Mode, StorageKind
from reference_broker.config.errors import DomainNotFound
from reference_broker.config.sample import SampleConfig

MEMORY = (StorageKind.IN_MEMORY, Consistency.EVENTUAL, Durability.OS)
FILES = (StorageKind.FILE_BACKED, Consistency.EVENTUAL, Durability.OS)
SYNCED = (StorageKind.FILE_BACKED, Consistency.STRONG, Durability.FSYNC)
EXPECTED = {
    "bmq.test.mem.broadcast": (Mode.BROADCAST, *MEMORY),
    "bmq.test.mem.fanout": (Mode.FANOUT, *MEMORY),
    "bmq.test.mem.priority": (Mode.PRIORITY, *MEMORY),
    "bmq.test.persistent.fanout": (Mode.FANOUT, *FILES),
    "bmq.test.persistent.fanout.sc": (Mode.FANOUT, *SYNCED),
    "bmq.test.persistent.priority": (Mode.PRIORITY, *FILES),
    "bmq.test.persistent.priority.sc": (Mode.PRIORITY, *SYNCED),
}


def test_the_domains_are_the_peers():
    assert SampleConfig().domain_names == tuple(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_domain_has_the_peers_limits(name):
    domain = SampleConfig().resolve_domain(name)
    assert domain.name == name
    found = (domain.mode, domain.storage, domain.consistency, domain.durability)
    assert found == EXPECTED[name]
    assert domain.app_ids == (("foo", "bar", "baz") if domain.mode is Mode.FANOUT else ())
    assert domain.queue_limits == Limits(messages=1_000, bytes=1024 * 1024)
    assert domain.domain_limits == Limits(messages=2_000, bytes=2 * 1024 * 1024)
    assert (domain.message_ttl_s, domain.deduplication_ms) == (300, 300_000)
    assert (domain.max_consumers, domain.max_producers, domain.max_queues) == (0, 0, 0)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_domain_can_be_served(name):
    sample = SampleConfig()
    domain = sample.resolve_domain(name)
    cluster = sample.load_clusters().check_placement(domain)
    assert cluster.name == "local"
    assert cluster.partitions.count == 1


def test_an_unknown_domain_is_not_found():
    with pytest.raises(DomainNotFound) as caught:
        SampleConfig().resolve_domain("acme.orders")
    assert str(caught.value) == "Domain file '<built-in>/domains/acme.orders.json' doesn't exist"


def test_the_broker_listens_on_the_loopback_interface_only():
    listeners = SampleConfig().load_broker().tcp.listeners
    assert [(listener.address, listener.port) for listener in listeners] == [("127.0.0.1", 30114)]


def test_port_and_location_are_the_callers():
    sample = SampleConfig(port=0, location="elsewhere")
    assert sample.load_broker().tcp.listeners[0].port == 0
    assert sample.load_clusters().clusters[0].partitions.location == "elsewhere"


def test_nothing_in_it_is_unknown():
    sample = SampleConfig()
    assert sample.load_broker().unknown == ()
    assert sample.load_clusters().unknown == ()
    assert all(sample.resolve_domain(name).unknown == () for name in EXPECTED)
