"""How far a run has come, on disk, so that another one can go on."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from reference_broker.base import OperatorError
from suites.fuzz.net.catalogue import count_of
from suites.fuzz.net.findings import Finding
from suites.fuzz.net.kinds import KINDS

_FORMAT: Final = 1
#: Of a file that can be a state: findings are few, and so are their bytes.
_FILE_BYTES_MAX: Final = 256 * 1024 * 1024


def catalogue_size() -> int:
    """Return how many cases of depth 1 there are; numbers of a state mean the same as long as it holds."""
    return sum(map(count_of, KINDS))


@dataclass(kw_only=True, slots=True)
class State:
    """A run so far.

    Attributes:
        target: specification and defect.
        seed: of the pairs.
        swept: cases of depth 1 that are behind.
        sampled: pairs that are behind.
        done: cases that were run, by kind, and pairs.
        findings: what was found, one of each sort.
        seconds: how long it took.
        cases: size of the catalogue.
        format: of the file.
    """

    target: str
    seed: int
    swept: int = 0
    sampled: int = 0
    done: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0
    cases: int = 0
    format: int = _FORMAT


def load(path: Path, target: str, seed: int | None) -> State | None:
    """Return the state in a file; None if there is no file.

    Args:
        path: of the file.
        target: which the run is against.
        seed: which the run is to have; None for that of the file.

    Raises:
        OperatorError: it is no state, or one of another run.
    """
    try:
        if path.stat().st_size > _FILE_BYTES_MAX:
            raise OperatorError(f"{path} is larger than {_FILE_BYTES_MAX} bytes: it is no state")
        state = msgspec.json.decode(path.read_bytes(), type=State)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path} holds no state of a run: {error}") from error
    for what, has, wants in (
        ("format", state.format, _FORMAT),
        ("target", state.target, target),
        ("seed", state.seed, state.seed if seed is None else seed),
        ("number of cases", state.cases, catalogue_size()),
    ):
        if has != wants:
            raise OperatorError(
                f"{path} is of a run with the {what} {has}, and this one has {wants}; "
                "name another file, or remove it"
            )
    return state


def save(path: Path, state: State) -> None:
    """Write a state; whoever reads meanwhile finds the old one or the new one.

    Raises:
        OperatorError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(msgspec.json.encode(state))
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise OperatorError(
            f"the state cannot be written to {path}: {error}; name another file"
        ) from error
