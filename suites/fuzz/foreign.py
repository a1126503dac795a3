"""Parsers of other people as targets, in the child process: a Python callable, or a command.

::

    python:their.module:parse       called with bytes; named exceptions are its way to refuse
    command:./their-parser --strict started for each input, which is on its standard input

A command says with exit code 0 that it accepts an input, with 1 that it refuses it; anything else, a
signal, or no end within `COMMAND_SECONDS_MAX` is a crash.
"""

from __future__ import annotations

import builtins
import ctypes
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import IO, Any, Final

#: After so long a command hangs.
COMMAND_SECONDS_MAX: Final = 5.0

#: What is read of a command's error output: its end.
_ERRORS_BYTES_MAX: Final = 64 * 1024
_PR_SET_PDEATHSIG: Final = 1
#: The line by which sanitizers tell crashes apart.
_SUMMARY: Final = "SUMMARY: "
#: What differs from run to run: addresses and process ids.
_VARYING: Final = re.compile(r"0x[0-9a-fA-F]+|\d{3,}")


class CommandCrash(Exception):  # noqa: N818  it is what happened to somebody else
    """A command ended in none of the ways that it may.

    Attributes:
        signature: what tells it from other crashes.
    """

    def __init__(self, how: str, errors: str) -> None:
        super().__init__(f"{how}\n{errors}".strip())
        lines = errors.splitlines() or [""]
        said = next((line for line in lines if line.startswith(_SUMMARY)), lines[-1])
        self.signature = (how, _VARYING.sub("N", said))


def parser_of(spec: str, rejects: Sequence[str] = ()) -> Callable[[bytes], None]:
    """Return the target for a parser.

    Args:
        spec: `python:MODULE:FUNCTION` or `command:PROGRAM ARGUMENTS`.
        rejects: names of exceptions by which a Python parser refuses: of builtins, or with the
            module in front.

    Raises:
        ValueError: it is neither.
        ImportError: there is no such module.
        AttributeError: there is nothing with that name in it.
        TypeError: what is to be an exception is none.
    """
    kind, _, rest = spec.partition(":")
    if kind == "python" and rest.count(":") == 1:
        module, _, name = rest.partition(":")
        function = _named(import_module(module), name)
        return python_parser(function, tuple(map(_exception, rejects)))
    if kind == "command" and shlex.split(rest):
        return command_parser(shlex.split(rest))
    raise ValueError(f"{spec!r} is neither python:MODULE:FUNCTION nor command:PROGRAM ARGUMENTS")


def python_parser(
    function: Callable[[bytes], object], rejects: tuple[type[Exception], ...]
) -> Callable[[bytes], None]:
    """Return a target that calls a function, and lets some exceptions pass."""

    def test_one_input(data: bytes) -> None:
        try:
            function(data)
        except rejects:
            return

    return test_one_input


def command_parser(
    command: Sequence[str], seconds: float = COMMAND_SECONDS_MAX
) -> Callable[[bytes], None]:
    """Return a target that starts a command for each input."""

    def test_one_input(data: bytes) -> None:
        with tempfile.TemporaryFile() as errors:
            try:
                done = subprocess.run(
                    command,
                    input=data,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    timeout=seconds,
                    check=False,
                    preexec_fn=_end_with_parent if sys.platform == "linux" else None,
                )
            except subprocess.TimeoutExpired:
                raise CommandCrash(f"it did not end within {seconds:g} s", _tail(errors)) from None
            if done.returncode not in {0, 1}:
                raise CommandCrash(_ending(done.returncode), _tail(errors))

    return test_one_input


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"signal {-code}"


def _tail(file: IO[bytes]) -> str:
    size = file.seek(0, 2)
    file.seek(max(0, size - _ERRORS_BYTES_MAX))
    return file.read().decode("utf-8", "replace").strip()


def _exception(name: str) -> type[Exception]:
    module, _, attribute = name.replace(":", ".").rpartition(".")
    found = _named(import_module(module) if module else builtins, attribute)
    if not (isinstance(found, type) and issubclass(found, Exception)):
        raise TypeError(f"--rejects {name}: that is no exception")
    return found


def _named(owner: Any, name: str) -> Any:
    for part in name.split("."):
        owner = getattr(owner, part)
    return owner
