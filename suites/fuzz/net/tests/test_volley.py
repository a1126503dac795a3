from __future__ import annotations

import time
from itertools import islice

from suites.fuzz.net import volley
from suites.fuzz.net.catalogue import Case, cases_of, find
from suites.fuzz.net.kinds import KINDS
from suites.fuzz.net.tests.fragile import fragile
from suites.fuzz.net.volley import Attackers
from suites.harness.target import free_port


def unchanged() -> list[Case]:
    return [Case(name, name, "", (kind.forms[0],)) for name, kind in KINDS.items()]


def test_attackers_come_to_every_state(target):
    outcome = Attackers(target.host, target.port).attack(unchanged())
    assert outcome == ([], [], 0)


def test_more_cases_than_lanes(target):
    cases = list(islice(cases_of("open_queue"), 0, None, 250))
    attackers = Attackers(target.host, target.port, lanes=3)
    for _ in range(2):
        assert attackers.attack(cases) == ([], [], 0)


def test_what_is_long_is_sent_whole(target):
    long = Case("put/0", "put", "", (KINDS["put"].forms[0] * 4_000,))
    assert Attackers(target.host, target.port).attack([long]).unreached == []


def test_where_nobody_listens():
    outcome = Attackers("127.0.0.1", free_port()).attack([find("put/1")])
    assert "cannot connect" in outcome.unreached[0][1]


def test_a_broker_that_goes_silent_on_the_way(monkeypatch):
    monkeypatch.setattr(volley, "_CLOSE_SECONDS_MAX", 0.1)
    with fragile(b"openQueue", "hang") as broker:
        json = Case("x", "open_queue", "", (KINDS["open_queue"].forms[1],))
        attackers = Attackers("127.0.0.1", broker.port, answer_s=0.1)
        assert attackers.attack([json]).left_open == 1
        ((_, why),) = attackers.attack([find("put/1")]).unreached
        assert "waited 0.1 s for CONTROL in vain" in why


def test_answers_that_are_no_events():
    case = find("disconnect/5")
    with fragile(case.messages[0], "garble") as broker:
        ((found, what),) = Attackers("127.0.0.1", broker.port).attack([case]).wrong
        assert found is case
        assert "no event" in what


def test_no_more_than_the_pace(target):
    cases = list(islice(cases_of("authentication"), 20))
    started = time.monotonic()
    assert Attackers(target.host, target.port, pace=100).attack(cases).unreached == []
    assert time.monotonic() - started >= 19 / 100
