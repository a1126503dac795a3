"""What a command line may say of targets."""

from __future__ import annotations

import sys

import pytest

from suites.harness.defects import DEFECTS
from suites.harness.target import OUR_TARGETS, Capability, TargetError, TargetKind, TargetSpec

DEFECT = next(iter(DEFECTS))
ALL = set(Capability)


@pytest.mark.parametrize(
    ("text", "kind", "can"),
    [
        ("reference", TargetKind.REFERENCE, ALL),
        ("in-process", TargetKind.IN_PROCESS, ALL - {Capability.PROCESS}),
        (f"bmqbrkr:{sys.executable}", TargetKind.EXECUTABLE, ALL - {Capability.REFERENCE}),
        (
            "docker:some/bmqbrkr:latest",
            TargetKind.DOCKER,
            {Capability.LIFECYCLE, Capability.CONFIGURED},
        ),
        ("external:[::1]:30114", TargetKind.EXTERNAL, set()),
    ],
)
def test_kinds_and_what_they_can_do(text: str, kind: TargetKind, can: set[Capability]):
    spec = TargetSpec.parse(text)
    assert (spec.kind, set(spec.capabilities), spec.text) == (kind, can, text)
    assert spec.is_ours is (text in OUR_TARGETS)
    assert spec.arguments == f"--target '{text}'" if "[" in text else f"--target {text}"


def test_each_kind_keeps_what_it_needs():
    assert str(TargetSpec.parse(f"bmqbrkr:{sys.executable}").path) == sys.executable
    assert TargetSpec.parse("docker:host:5000/name:tag").image == "host:5000/name:tag"
    assert TargetSpec.parse("external:[::1]:1").address == ("::1", 1)


@pytest.mark.parametrize("text", ["reference", "in-process"])
def test_defects_are_for_our_broker(text: str):
    spec = TargetSpec.parse(text, DEFECT)
    assert spec.defect == DEFECT
    assert spec.arguments == f"--target {text} --break {DEFECT}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is neither 'reference' nor"),
        ("reference:", "is neither 'reference' nor"),
        ("bmqbrkr:", "is neither 'reference' nor"),
        ("docker:", "is neither 'reference' nor"),
        ("external:127.0.0.1", "is neither 'reference' nor"),
        ("external:127.0.0.1:port", "is neither 'reference' nor"),
        ("external:example.org:30114", "is not a loopback address"),
        ("bmqbrkr:/no/such/file", "/no/such/file is no file that can be run"),
        (f"bmqbrkr:{__file__}", "is no file that can be run"),
    ],
)
def test_what_makes_no_sense(text: str, message: str):
    with pytest.raises(TargetError, match=message):
        TargetSpec.parse(text)


@pytest.mark.parametrize(
    ("text", "defect", "message"),
    [
        ("reference", "no-such", "no defect is called 'no-such'"),
        ("external:127.0.0.1:1", DEFECT, "can be seeded only into the targets 'reference' and"),
    ],
)
def test_defects_that_make_no_sense(text: str, defect: str, message: str):
    with pytest.raises(TargetError, match=message):
        TargetSpec.parse(text, defect)
