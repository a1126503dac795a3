from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest

from suites.fuzz.foreign import CommandCrash, command_parser, parser_of

PLANTED = "python:suites.fuzz.workflow.tests.planted:parse"


def command(script: str, seconds: float = 20.0) -> Callable[[bytes], None]:
    return command_parser([sys.executable, "-c", f"import os, sys\n{script}"], seconds)


def test_a_callable_refuses_by_the_exceptions_that_are_named():
    parser_of(PLANTED, ["ValueError"])(b"no")
    with pytest.raises(ValueError, match="refused"):
        parser_of(PLANTED)(b"no")
    with pytest.raises(KeyError):
        parser_of(PLANTED, ["ValueError"])(b"\0\0\0\0\x42" + bytes(60))


def test_exceptions_of_modules_and_functions_of_classes():
    parser_of("python:json:JSONDecoder.__doc__.encode", ["json.JSONDecodeError"])
    with pytest.raises(TypeError, match="that is no exception"):
        parser_of("python:json:loads", ["json.JSONDecoder"])
    parser_of("python:json:loads", ["json:JSONDecodeError"])(b"{")
    with pytest.raises(json.JSONDecodeError):
        parser_of("python:json:loads")(b"{")


@pytest.mark.parametrize("spec", ["python:json", "python:json:loads:x", "command:", "other:json:x"])
def test_what_is_neither(spec):
    with pytest.raises(ValueError, match="neither python:MODULE:FUNCTION nor command:PROGRAM"):
        parser_of(spec)


@pytest.mark.slow
def test_a_command_accepts_and_refuses():
    parser = command("sys.exit(sys.stdin.buffer.read() != b'good')")
    parser(b"good")
    parser(b"bad")
    command("sys.stdin.close()")(bytes(1 << 20))  # it need not read


@pytest.mark.parametrize(
    ("script", "how"),
    [
        ("sys.exit(3)", "exit code 3"),
        ("os.kill(os.getpid(), 11)", r"signal 11 \(SIGSEGV\)"),
    ],
)
@pytest.mark.slow
def test_a_command_crashes(script, how):
    with pytest.raises(CommandCrash, match=f"^{how}\nsaid"):
        command(f"print('said', file=sys.stderr, flush=True)\n{script}")(b"")


@pytest.mark.slow
def test_a_command_that_does_not_end_crashes():
    with pytest.raises(CommandCrash, match=r"it did not end within 0.2 s"):
        command("import signal\nsignal.pause()", seconds=0.2)(b"")


def test_crashes_are_told_apart_by_what_is_said_and_not_by_addresses():
    def said(text: str) -> tuple[str, str]:
        return CommandCrash("exit code 1", text).signature

    assert said("first\nat 0x55d0 pid 4711") == said("other\nat 0x7fff pid 1234")
    assert said("in a") != said("in b")
    assert said("SUMMARY: overflow in a\nx") == said("SUMMARY: overflow in a\ny")
