"""BMQ-BAD: every entry of the catalogue of malformed inputs; BMQ-MEM: what they cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from suites.harness.report import Verdict
from suites.harness.target import Capability, Target
from suites.harness.topology import MEM_DOMAIN
from suites.integration.case import CaseInfo, case, case_family, informational, non_strict
from suites.integration.connections import Wire
from suites.integration.malformed import CATALOGUE, Malformed, Outcome, Scene
from suites.integration.probe import Bystander, attack, peak_memory
from suites.integration.verdict import Properties

_MEMORY_GROWTH_MAX: Final = 256 * 1024 * 1024
_MIB: Final = 1024 * 1024
#: What every input proves, and what is proved where the connection is closed.
_COMMON: Final = ("FRAME-19", "FRAME-20")


def _info(entry: Malformed) -> CaseInfo:
    category = f" with {entry.category.name}" if entry.category is not None else ""
    note = f" ({entry.note})" if entry.note else ""
    return CaseInfo(
        id=f"BMQ-BAD-{entry.number}",
        title=entry.name,
        statement=f"In the {entry.phase} phase: {entry.name}{note}. No input of one client disturbs "
        "another.",
        expectation=f"The outcome is {entry.expected}{category}; the bystander's messages are "
        "acknowledged and delivered as before. A connection that is closed leaves an error in the "
        "log.",
        grade="should" if entry.peer is not None or entry.is_open else "must",
        proves=(*entry.proves, *_COMMON[: 2 if entry.expected is Outcome.CLOSED else 1]),
    )


def _scene(new_uri: Callable[[str], str]) -> Scene:
    return Scene(*(new_uri(MEM_DOMAIN) for _ in Scene._fields))


@case_family("entry", [(_info(entry), entry) for entry in CATALOGUE])
def test_malformed(
    wire: Wire, new_uri: Callable[[str], str], target: Target, entry: Malformed
) -> None:
    bystander = Bystander(wire, new_uri(MEM_DOMAIN))
    bystander.check()
    seen = attack(wire, entry, _scene(new_uri))
    bystander.check()
    is_reference = Capability.REFERENCE in target.capabilities
    verdict, reason = entry.judge(seen, is_reference=is_reference)
    if verdict is Verdict.FAIL:
        raise AssertionError(reason)
    if is_reference and seen.outcome is Outcome.CLOSED:
        log = target.log_tail().splitlines()
        assert any(f":{seen.port})" in line and " ERROR " in line for line in log), (
            "the connection was closed without an error in the log"
        )
    if verdict is Verdict.NON_STRICT:
        non_strict(reason)
    if verdict is Verdict.INFORMATIONAL:
        informational(reason)


@pytest.mark.timeout(300)  # an input may take a target a second
@case(
    "BMQ-MEM-1",
    statement="Memory stays bounded, whatever a client sends (every buffer has a limit).",
    expectation="The whole catalogue of malformed inputs, one after the other, makes the peak of "
    "the broker's resident memory grow by less than 256 MiB.",
    needs=(Capability.LIFECYCLE, Capability.CONFIGURED, Capability.PROCESS),
    proves=("FRAME-21",),
)
def test_memory_stays_bounded(fresh_target: Target, properties: Properties) -> None:
    pid = fresh_target.pid
    assert pid is not None
    before = peak_memory(pid)
    for entry in CATALOGUE:
        connections = Wire(fresh_target)
        try:
            names = (f"{entry.number}.{name}" for name in Scene._fields)
            scene = Scene(*(f"bmq://{MEM_DOMAIN}/{name}" for name in names))
            attack(connections, entry, scene)
            assert fresh_target.is_alive(), f"the broker is gone after BMQ-BAD-{entry.number}"
        finally:
            connections.close()
    growth = peak_memory(pid) - before
    properties["inputs"] = len(CATALOGUE)
    properties["peak before, MiB"] = round(before / _MIB, 1)
    properties["growth, MiB"] = round(growth / _MIB, 1)
    assert growth < _MEMORY_GROWTH_MAX, f"the peak has grown by {growth / _MIB:.0f} MiB"
