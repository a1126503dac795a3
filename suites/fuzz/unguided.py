"""Fuzzing without coverage, for platforms that atheris does not support.

Seeds first, then mutations of them: a few bytes changed, removed, inserted, copied, or tokens of
the dictionary put in; of inputs with a grammar, every second mutation knows their structure. Whatever it prints has the form of libFuzzer's statistics, so one reader
serves both. It finds shallow defects; a run says in its report that nothing guided it.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

_TOKEN: Final = re.compile(r'^[^#"]*"((?:[^"\\]|\\.)*)"\s*$')
_ESCAPE: Final = re.compile(r"\\x([0-9a-fA-F]{2})|\\(.)")
_MUTATIONS_MAX: Final = 4
_REPEAT_MAX: Final = 16
#: Executions between two looks at the clock.
LOOK_EVERY: Final = 64
#: Seconds between two lines about the state of a run.
_STATUS_SECONDS: Final = 2.0
_SEED_BITS: Final = 31


def read_dictionary(path: Path) -> list[bytes]:
    """Return the tokens of a libFuzzer dictionary."""
    matches = (_TOKEN.match(line) for line in path.read_text("ascii").splitlines())
    return [_ESCAPE.sub(_unescape, match[1]).encode("latin-1") for match in matches if match]


def _unescape(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else match[2]


def run_unguided(
    function: Callable[[bytes], None],
    seeds: Sequence[bytes],
    tokens: Sequence[bytes],
    *,
    seconds: float,
    seed: int,
    input_bytes_max: int,
    mutate: Callable[[bytes, int], bytes] | None = None,
    look_every: int = LOOK_EVERY,
) -> int:
    """Run a target on its seeds and on mutations of them; print statistics.

    Args:
        function: the target.
        seeds: inputs to begin with.
        tokens: of the dictionary.
        seconds: how long.
        seed: of the random choices.
        input_bytes_max: longest input tried.
        mutate: returns an input changed by somebody who knows its structure, from it and a seed.
        look_every: executions between two looks at the clock.

    Returns:
        The number of executions.

    Raises:
        Exception: whatever the target raised.
    """
    random_source = random.Random(seed)
    inputs = [*seeds, b""]
    started = time.monotonic()
    status_at, deadline = started + _STATUS_SECONDS, started + seconds
    executions = 0
    try:
        for data in inputs:
            if time.monotonic() >= deadline:
                break
            executions += 1
            function(data)
        while (now := time.monotonic()) < deadline:
            if now >= status_at:
                status_at = now + _STATUS_SECONDS
                _print_status(executions, now - started, inputs)
            for _ in range(look_every):
                executions += 1
                if mutate and random_source.getrandbits(1):
                    data = mutate(
                        random_source.choice(inputs), random_source.getrandbits(_SEED_BITS)
                    )
                else:
                    data = _mutant(random_source, inputs, tokens)
                function(data[:input_bytes_max])
    finally:
        print(f"stat::number_of_executed_units: {executions}", flush=True)  # noqa: T201
    return executions


def _print_status(executions: int, seconds: float, inputs: Sequence[bytes]) -> None:
    """Print a line as libFuzzer does."""
    corpus = f"corp: {len(inputs)}/{sum(map(len, inputs))}b"
    speed = f"exec/s: {round(executions / seconds)}"
    print(f"#{executions}\tpulse  cov: 0 ft: 0 {corpus} {speed} rss: 0Mb", flush=True)  # noqa: T201


def _mutant(source: random.Random, inputs: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    data = bytearray(source.choice(inputs))
    for _ in range(source.randint(1, _MUTATIONS_MAX)):
        position = source.randrange(len(data) + 1)
        end = min(len(data), position + source.randint(1, _REPEAT_MAX))
        match source.randrange(6):
            case 0 if position < len(data):
                data[position] = source.randrange(256)
            case 1 if position < len(data):
                data[position] ^= 1 << source.randrange(8)
            case 2:
                del data[position:end]
            case 3:
                data[position:position] = data[position:end]
            case 4 if tokens:
                token = source.choice(tokens)
                data[position : position + source.choice((0, len(token)))] = token
            case _:
                data[position:position] = source.randbytes(source.randint(1, 4))
    return bytes(data)
