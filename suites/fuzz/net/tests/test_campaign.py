from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reference_broker.base import OperatorError
from reference_broker.wire import EventType
from suites.fuzz.net import campaign as campaigns
from suites.fuzz.net.campaign import Campaign, LostError
from suites.fuzz.net.catalogue import Case, chosen, find
from suites.fuzz.net.findings import Findings
from suites.fuzz.net.kinds import Step
from suites.fuzz.net.tests.fragile import Fragile, fragile
from suites.harness.target import Target

ANSWER_S = 0.3


@contextmanager
def campaign_against(broker: Fragile) -> Iterator[tuple[Campaign, Findings]]:
    findings = Findings()
    with Target(broker.spec) as target:
        campaign = Campaign(target, findings, lambda _: None, answer_s=ANSWER_S)
        try:
            campaign.begin()
            yield campaign, findings
        finally:
            campaign.end()


def ids(*numbers: int) -> list[str]:
    return [f"disconnect/{number}" for number in numbers]


def test_a_clean_run():
    with fragile() as broker, campaign_against(broker) as (campaign, findings):
        cases = chosen(ids(*range(40)))
        behind = [case for batch, _ in campaign.run(cases) for case in batch]
        assert behind == cases
        assert not findings.kept
        assert campaign.unreached == 0


def test_answers_that_are_no_events_are_a_finding_of_their_case():
    case = find("disconnect/30")
    with (
        fragile(case.messages[0], "garble") as broker,
        campaign_against(broker) as (campaign, findings),
    ):
        list(campaign.run(chosen(ids(*range(25, 35)))))
        (finding,) = findings.kept
        assert finding.case_id == case.id
        assert "no event" in finding.what


@pytest.mark.parametrize(
    ("how", "said"), [("die", "crash: "), pytest.param("hang", "hang: ", marks=pytest.mark.slow)]
)
def test_a_target_that_does_not_come_back(how, said):
    case = find("disconnect/30")
    with (
        fragile(case.messages[0], how) as broker,
        campaign_against(broker) as (campaign, findings),
    ):
        with pytest.raises(LostError):
            list(campaign.run(chosen(ids(*range(10, 40)))))
        (finding,) = findings.kept
        assert finding.what.startswith(said)
        assert case.id in (*finding.with_others, finding.case_id)
        assert finding.before[0] == "disconnect/10"


def test_attackers_who_never_get_there_end_the_run(monkeypatch, target):
    monkeypatch.setattr(campaigns, "IN_VAIN_MAX", 3)
    campaign = Campaign(target, Findings(), lambda _: None, answer_s=0.05)
    campaign.begin()
    monkeypatch.setattr(Case, "steps", property(lambda _: (Step(b"\xff" * 8, EventType.CONTROL),)))
    with pytest.raises(OperatorError, match="in a row did not come to their state"):
        list(campaign.run(chosen(ids(*range(20)))))
    assert campaign.unreached > 3
    campaign.end()


def test_kinds_of_which_enough_is_found_are_left_out(monkeypatch, target):
    findings = Findings()
    campaign = Campaign(target, findings, lambda _: None)
    campaign.begin()
    monkeypatch.setattr(findings, "is_enough", lambda kind: kind == "disconnect")
    cases = chosen(["disconnect/1", "put/1"])
    assert list(campaign.run(cases)) == [(cases, cases[1:])]
    campaign.end()
