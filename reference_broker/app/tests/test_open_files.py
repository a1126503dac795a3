"""The limit of open files."""

from __future__ import annotations

import resource
import sys
from dataclasses import replace

import pytest

from reference_broker.app import broker as broker_module
from reference_broker.app.open_files import allow_many_files, open_files_max
from reference_broker.config import SampleConfig


def limit(monkeypatch: pytest.MonkeyPatch, soft: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, 4_096))


def test_it_is_raised_as_far_as_we_may(monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[int, tuple[int, int]]] = []
    limit(monkeypatch, 1_024)
    monkeypatch.setattr(resource, "setrlimit", lambda *pair: asked.append(pair))
    allow_many_files()
    assert asked == [(resource.RLIMIT_NOFILE, (4_096, 4_096))]


@pytest.mark.parametrize("error", [OSError, ValueError])
def test_one_that_cannot_be_raised_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
):
    def setrlimit(*_: object) -> None:
        raise error

    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    allow_many_files()


@pytest.mark.parametrize(("soft", "known"), [(1_024, 1_024), (resource.RLIM_INFINITY, None)])
def test_no_limit_is_none(monkeypatch: pytest.MonkeyPatch, soft: int, known: int | None):
    limit(monkeypatch, soft)
    assert open_files_max() == known


def test_a_system_without_limits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    allow_many_files()
    assert open_files_max() is None


@pytest.mark.parametrize(
    ("soft", "connections"),
    [(resource.RLIM_INFINITY, 10_000), (20_000, 10_000), (1_024, 768), (9, 1)],
)
def test_connections_leave_files_for_the_log(
    monkeypatch: pytest.MonkeyPatch, soft: int, connections: int
):
    limit(monkeypatch, soft)
    config = SampleConfig().load_broker()
    assert broker_module._connections_max(config, has_metrics=False) == connections


@pytest.mark.parametrize(
    ("soft", "connections"), [(resource.RLIM_INFINITY, 10_000), (20_000, 19_744), (9, 1)]
)
def test_a_maximum_of_zero_is_as_many_as_there_are_files(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    soft: int,
    connections: int,
):
    limit(monkeypatch, soft)
    config = SampleConfig().load_broker()
    config = replace(config, tcp=replace(config.tcp, max_connections=0))
    assert broker_module._connections_max(config, has_metrics=False) == connections
    assert not caplog.records


def test_connections_leave_files_for_the_metrics(monkeypatch: pytest.MonkeyPatch):
    limit(monkeypatch, 1_024)
    config = SampleConfig().load_broker()
    assert broker_module._connections_max(config, has_metrics=True) == 768 - 16
