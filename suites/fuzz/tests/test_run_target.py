from __future__ import annotations

import hashlib

import pytest

from suites.fuzz.run_target import CrashRecorder, load, signature, stack_of
from suites.fuzz.tests import planted


def crash(data: bytes) -> None:
    if data[:1] == b"i":
        raise IndexError(data)
    if data[:1] == b"k":
        raise KeyError(data)


def test_different_crashes_are_kept_until_there_are_enough(tmp_path):
    recorder = CrashRecorder(crash, tmp_path, 2)
    recorder(b"fine")
    recorder(b"i1")
    recorder(b"i2")
    with pytest.raises(KeyError):
        recorder(b"k1")
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"i1", b"k1"}
    assert (tmp_path / f"crash-{hashlib.sha1(b'i1', usedforsecurity=False).hexdigest()}").exists()


def test_what_ends_the_process_is_left_alone(tmp_path):
    def interrupted(_data):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        CrashRecorder(interrupted, tmp_path, 9)(b"")
    assert not list(tmp_path.iterdir())


def test_signatures_tell_places_apart():
    signatures = set()
    for data in (b"i1", b"i2", b"k"):
        with pytest.raises(LookupError) as caught:
            crash(data)
        signatures.add(signature(caught.value)[:1] + signature(caught.value)[2:])
    assert len(signatures) == 2


class ToldError(Exception):
    signature = ("exit code 3",)


def test_an_error_may_tell_itself_what_it_is():
    def told(_data):
        raise ToldError("exit code 3\nstderr")

    assert signature(ToldError("a")) == signature(ToldError("b")) == ("ToldError", "exit code 3")
    assert stack_of(told, b"") == "exit code 3\nstderr"


def test_a_target_with_a_defect_for_good():
    assert load("suites.fuzz.tests.planted") is planted.test_one_input


def test_stack_of():
    assert stack_of(crash, b"") == ""
    stack = stack_of(crash, b"k")
    assert stack.startswith("Traceback (most recent call last):")
    assert stack.endswith("KeyError: b'k'")
    assert "stack_of" not in stack
