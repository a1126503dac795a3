"""Fixtures of the suite: a target, connections to it, queues of one's own."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from suites.harness.target import Capability, Target, TargetSpec
from suites.harness.topology import (
    APP_IDS,
    BROADCAST_DOMAIN,
    FANOUT_DOMAIN,
    FANOUT_FILE_DOMAIN,
    FILE_DOMAIN,
    MEM_DOMAIN,
    STRONG_DOMAIN,
    DomainShape,
)
from suites.integration import options
from suites.integration.case import info_of
from suites.integration.connections import Wire, drain
from suites.integration.plugin import spec_of
from suites.integration.verdict import Properties, properties_key, state_key

#: What any broker with BlazingMQ's sample configuration has in place of our domains.
_SAMPLE_DOMAINS: Final = {
    MEM_DOMAIN: "bmq.test.mem.priority",
    FILE_DOMAIN: "bmq.test.persistent.priority",
    STRONG_DOMAIN: "bmq.test.persistent.priority.sc",
    FANOUT_DOMAIN: "bmq.test.mem.fanout",
    FANOUT_FILE_DOMAIN: "bmq.test.persistent.fanout",
    BROADCAST_DOMAIN: "bmq.test.mem.broadcast",
}
#: Apps of those that have any.
_SAMPLE_APPS: Final = {FANOUT_DOMAIN: APP_IDS, FANOUT_FILE_DOMAIN: APP_IDS, BROADCAST_DOMAIN: ()}


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Bring in options and hooks for runs that collect this folder."""
    options.activate(parser, pluginmanager)


@pytest.fixture(scope="session")
def target_spec(pytestconfig: pytest.Config) -> TargetSpec:
    """Which target the run is about."""
    return spec_of(pytestconfig)


@pytest.fixture(scope="session")
def target(target_spec: TargetSpec) -> Iterator[Target]:
    """The target, running; cases share it and leave it as it is."""
    with Target(target_spec) as running:
        yield running


@pytest.fixture
def fresh_target(target_spec: TargetSpec) -> Iterator[Target]:
    """A target of the case's own, which it may kill; needs `LIFECYCLE`."""
    with Target(target_spec) as running:
        yield running


@pytest.fixture
def new_uri(request: pytest.FixtureRequest, target: Target) -> Iterator[Callable[[str], str]]:
    """Make queue URIs that nobody has used, in the domain of `suites.harness.topology` named."""
    label = _label(request)
    is_configured = Capability.CONFIGURED in target.capabilities
    made: dict[str, tuple[str, ...]] = {}

    def make(domain: str) -> str:
        name = domain if is_configured else _SAMPLE_DOMAINS[domain]
        uri = f"bmq://{name}/{label}.{len(made)}.{secrets.token_hex(6)}"
        made[uri] = _SAMPLE_APPS.get(domain, ("",))
        return uri

    yield make
    if not is_configured and not request.config.stash[state_key].lost:
        for uri, apps in made.items():
            for app_id in apps:
                with contextlib.suppress(AssertionError, OSError):
                    drain(target, uri, app_id)


@pytest.fixture
def new_domain(request: pytest.FixtureRequest, target: Target) -> Callable[[DomainShape], str]:
    """Configure domains of the case's own, and return their names; needs `CONFIGURED`."""
    made: list[str] = []

    def make(shape: DomainShape) -> str:
        made.append(f"gauntlet.{_label(request)}.{len(made)}.{secrets.token_hex(6)}")
        target.write_domain(made[-1], shape)
        return made[-1]

    return make


@pytest.fixture
def wire(target: Target, new_uri: Callable[[str], str]) -> Iterator[Wire]:
    """Where connections come from; they are closed before the case's queues are emptied."""
    del new_uri  # asked for so that it outlives the connections
    connections = Wire(target)
    yield connections
    connections.close()


@pytest.fixture
def queue_uri(new_uri: Callable[[str], str]) -> str:
    """The URI of a queue in memory that nobody has used."""
    return new_uri(MEM_DOMAIN)


@pytest.fixture
def properties(request: pytest.FixtureRequest) -> Properties:
    """Named facts for the case's report."""
    found: Properties = request.node.stash.setdefault(properties_key, Properties())
    return found


def _label(request: pytest.FixtureRequest) -> str:
    info = info_of(request.node)
    return info.id.lower() if info is not None else "test"
