from __future__ import annotations

from suites.fuzz.net.catalogue import find
from suites.fuzz.net.findings import BEFORE_MAX, Findings, finding_of, told


def test_alike_findings_are_kept_once():
    findings = Findings()
    assert findings.add(finding_of(find("put/1"), "KeyError: <X at 0x7f92d9fbcfe0>"))
    assert not findings.add(finding_of(find("put/2"), "KeyError: <X at 0x7f92da27d4e0>"))
    assert findings.add(finding_of(find("confirm/2"), "KeyError: <X at 0x7f92da27d4e0>"))
    assert [finding.case_id for finding in findings.kept] == ["put/1", "confirm/2"]
    assert findings.count == 3


def test_enough_is_enough():
    alike, different = Findings(), Findings()
    for number in range(12):
        assert not alike.is_enough("put")
        alike.add(finding_of(find(f"put/{number}"), "the same"))
    for number in range(5):
        assert not different.is_enough("put")
        different.add(finding_of(find(f"put/{number}"), f"another one, {number}"))
    assert alike.is_enough("put")
    assert different.is_enough("put")
    assert not different.is_enough("confirm")


def test_a_finding_is_told_with_all_that_helps():
    before = [f"put/{number}" for number in range(100)]
    finding = finding_of(find("put/2500"), "it ended", "the log", before, ["put/3"])
    text = told(finding, "gauntlet fuzz net --only put/2500")
    assert finding.before == tuple(before[-BEFORE_MAX:])
    for part in (
        "put/2500: it ended",
        finding.label,
        "gauntlet fuzz net --only put/2500",
        finding.messages[0].hex(),
        "event 1: PUT",
        "behind: put/3",
        "put/99",
        "the log",
    ):
        assert part in text
