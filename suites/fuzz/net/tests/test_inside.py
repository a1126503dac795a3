from __future__ import annotations

import time
from itertools import islice

import pytest

from suites.fuzz.net import inside
from suites.fuzz.net.catalogue import Case, cases_of, sample
from suites.fuzz.net.inside import attempt, bounded
from suites.fuzz.net.kinds import KINDS
from suites.fuzz.oracles.broker_bench import BrokerBench


@pytest.mark.parametrize("name", KINDS)
def test_a_share_of_each_kind_does_no_harm(name):
    for case in islice(cases_of(name), 7, None, 997):
        assert not attempt(case), case.id
    for form in KINDS[name].forms:
        assert not attempt(Case(name, name, "unchanged", (form,)))


def test_pairs_do_no_harm():
    for case in islice(sample(11), 40):
        assert not attempt(case), case.id


def test_what_the_broker_raises_is_told(monkeypatch):
    def attack(_: BrokerBench, data: bytes) -> None:
        raise KeyError(data)

    assert not attempt(Case("put/0", "put", "", ()))
    monkeypatch.setattr(BrokerBench, "attack", attack)
    stack = attempt(Case("put/0", "put", "", (b"x",)))
    assert stack.startswith("Traceback")
    assert stack.endswith("KeyError: b'x'")


def test_what_does_not_end_is_ended(monkeypatch):
    monkeypatch.setattr(inside, "CASE_SECONDS_MAX", 0.05)

    def attack(_: BrokerBench, __: bytes) -> None:
        give_up = time.monotonic() + 30
        while time.monotonic() < give_up:
            pass

    assert not attempt(Case("put/0", "put", "", ()))
    monkeypatch.setattr(BrokerBench, "attack", attack)
    with bounded():
        assert "HangError" in attempt(Case("put/0", "put", "", (b"x",)))


def test_a_bystander_that_is_not_served_is_told(monkeypatch):
    def deaf(_: BrokerBench) -> None:
        raise AssertionError("the bystander got nothing")

    monkeypatch.setattr(BrokerBench, "check_bystander", deaf)
    assert "the bystander got nothing" in attempt(next(cases_of("disconnect")))
