"""The configuration folder that targets are started with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from suites.harness.topology import (
    DOMAINS,
    DomainShape,
    app_subscriptions,
    write_config_folder,
    write_domain,
)


def parameters(etc: Path, name: str) -> dict[str, Any]:
    document = json.loads((etc / "domains" / f"{name}.json").read_text())
    found: dict[str, Any] = document["definition"]["parameters"]
    return found


@pytest.fixture
def etc(tmp_path):
    return write_config_folder(tmp_path, 30_114)


def test_every_domain_has_a_file_of_its_name(etc):
    files = {path.stem for path in (etc / "domains").iterdir()}
    assert files == set(DOMAINS)
    assert all(parameters(etc, name)["name"] == name for name in DOMAINS)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("gauntlet.mem", {"priority": {}}),
        ("gauntlet.broadcast", {"broadcast": {}}),
        ("gauntlet.fanout", {"fanout": {"appIDs": ["foo", "bar", "baz"]}}),
    ],
)
def test_modes(etc, name, mode):
    assert parameters(etc, name)["mode"] == mode


def test_changes_replace_the_usual(etc):
    assert parameters(etc, "gauntlet.ttl")["messageTtl"] == 1
    assert parameters(etc, "gauntlet.mem")["messageTtl"] == 3600


def test_a_domain_is_written_over_the_one_that_is_there(etc):
    subscriptions = app_subscriptions(default="x == 1", foo="y")
    write_domain(etc, "gauntlet.mem", DomainShape(changes={"subscriptions": subscriptions}))
    assert parameters(etc, "gauntlet.mem")["subscriptions"] == [
        {"appId": "", "expression": {"version": "E_VERSION_1", "text": "x == 1"}},
        {"appId": "foo", "expression": {"version": "E_VERSION_1", "text": "y"}},
    ]


def test_poisonous_messages_are_not_slowed_down(etc):
    (cluster,) = json.loads((etc / "clusters.json").read_text())["myClusters"]
    assert cluster["messageThrottleConfig"] == {"lowThreshold": 0, "highThreshold": 0}
