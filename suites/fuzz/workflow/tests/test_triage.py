from __future__ import annotations

import pytest

from reference_broker.base import OperatorError
from suites.fuzz.engine import Crash
from suites.fuzz.registry import CORE, TARGETS, find_target
from suites.fuzz.workflow.triage import Finding, dump, save, triage
from suites.harness.target import TargetSpec

PLANTED = find_target("suites.fuzz.workflow.tests.planted")
PUTS = TARGETS["FUZZ-PUTS"]
SPEC = TargetSpec.parse("reference")
FINDING = Finding(
    kind="crash",
    data=b"\x7f\x01",
    stack="Traceback (most recent call last):\nKeyError: 1",
    signature="KeyError planted.py:7",
    found_bytes=99,
)


@pytest.mark.slow
def test_one_finding_for_each_stack_and_as_small_as_possible():
    crashes = [
        Crash("crash", b"kitchen", "Traceback\nKeyError: 105"),
        Crash("crash", b"zz and others", "Traceback\nIndexError: 13"),
        Crash("crash", b"kit", "Traceback\nKeyError: 105"),
        Crash("hang", b"slow", "the input hangs\nFile x"),
        Crash("crash", b"unsteady", ""),
    ]
    findings = triage(PLANTED, crashes)
    assert [(one.kind, one.data, one.alike, one.found_bytes) for one in findings] == [
        ("crash", b"z", 1, 13),
        ("crash", b"k", 2, 3),
        ("hang", b"slow", 1, 4),
        ("crash", b"unsteady", 1, 8),
    ]
    assert findings[1].stack.endswith("KeyError: b''")
    assert len({one.signature for one in findings}) == 4


def test_the_folder_of_a_finding(tmp_path):
    spec = TargetSpec.parse("reference", "push-twice")
    place, is_new = save(PUTS, FINDING, tmp_path, spec)
    assert is_new
    assert place == tmp_path / f"FUZZ-PUTS-{FINDING.digest}"
    texts = {path.name: path.read_text() for path in place.iterdir() if path.name != "input"}
    assert (place / "input").read_bytes() == b"\x7f\x01"
    assert texts.pop("input.hex") == "7f01\n"
    assert "2 bytes, found with 99" in texts["dump.txt"]
    assert "000000  7f 01" in texts.pop("dump.txt")
    assert texts.pop("stack.txt") == f"signature: KeyError planted.py:7\n\n{FINDING.stack}\n"
    assert texts.pop("command.txt") == (
        f"gauntlet fuzz {spec.arguments} --case FUZZ-PUTS --input {place}/input\n"
    )
    assert '"7f01"' in texts.pop(f"test_FUZZ_PUTS_{FINDING.digest}.py")
    assert texts == {}


def test_a_stack_that_is_known_from_an_earlier_run_is_not_saved_again(tmp_path):
    place, _ = save(PUTS, FINDING, tmp_path, SPEC)
    other = Finding(
        kind="crash", data=b"\x7f\x02", stack="Traceback\nKeyError: 2",
        signature=FINDING.signature, found_bytes=2,
    )  # fmt: skip
    assert save(PUTS, other, tmp_path, SPEC) == (place, False)
    assert save(TARGETS["FUZZ-ACKS"], other, tmp_path, SPEC)[1]
    assert len(list(tmp_path.iterdir())) == 2


def test_what_did_not_fail_again_has_no_test(tmp_path):
    finding = Finding(kind="crash", data=b"x", stack="", signature="crash 11", found_bytes=1)
    place, _ = save(PUTS, finding, tmp_path, SPEC)
    assert not list(place.glob("test_*"))
    assert "ended well" in (place / "stack.txt").read_text()


def test_a_folder_that_cannot_be_written_is_the_operators(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OperatorError, match="its input is 7f01"):
        save(PUTS, FINDING, tmp_path / "file" / "folder", SPEC)


@pytest.mark.parametrize("target", [*TARGETS.values()], ids=lambda target: target.id)
def test_every_kind_of_input_has_a_dump(target):
    for data in [b"", b"\xff" * 40, *list(target.seeds().values())[:5]]:
        dump(target, data)


def test_dumps_know_the_grammar():
    assert "put @" in dump(PUTS, next(iter(PUTS.seeds().values())))
    assert "event 1: " in dump(TARGETS["FUZZ-EVENT-READER"], bytes.fromhex("0000000842020000"))
    assert any("connect" in dump(CORE, data) for data in CORE.seeds().values())
