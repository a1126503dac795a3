"""Parsers of other people as targets: which seeds and which grammar they get."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from reference_broker.base import OperatorError
from suites.fuzz.foreign import parser_of
from suites.fuzz.registry import GRAMMARS, TARGETS, Target
from suites.fuzz.run_target import COMMAND, FOREIGN

_PREFIXED: Final = "-prefixed"
_ID_CHARS_MAX: Final = 40
_DIGEST_CHARS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignTarget(Target):
    """A parser of somebody else; its `module` is what `--parser` says.

    Attributes:
        rejects: exceptions by which it refuses, by name.
    """

    rejects: tuple[str, ...] = ()

    @property
    def is_command(self) -> bool:
        """Whether it is a program, which coverage cannot guide."""
        return self.module.startswith(COMMAND)

    @property
    def function(self) -> Callable[[bytes], None]:
        """The parser itself, in this process."""
        return parser_of(self.module, self.rejects)

    @property
    def invariant(self) -> str:
        """The sentence that must hold."""
        if self.is_command:
            return "It ends in time, with exit code 0 or 1."
        allowed = " or ".join(self.rejects)
        return f"It raises nothing but {allowed}." if allowed else "It raises nothing."


def plain_grammars() -> tuple[str, ...]:
    """Return what `--grammar` may be: what an input of a parser can be, with nothing in front."""
    names = (name.removesuffix(_PREFIXED) for name in GRAMMARS if name)
    return tuple(dict.fromkeys(names))


def foreign_target(spec: str, grammar: str, rejects: tuple[str, ...] = ()) -> ForeignTarget:
    """Return the target for a parser.

    Args:
        spec: `python:MODULE:FUNCTION` or `command:PROGRAM ARGUMENTS`.
        grammar: what it reads, of `plain_grammars()`; empty for any bytes, without seeds.
        rejects: exceptions by which a Python parser refuses, by name.

    Raises:
        OperatorError: there is no such parser, exception or grammar.
    """
    if not spec.startswith(FOREIGN):
        kinds = "python:MODULE:FUNCTION nor command:PROGRAM ARGUMENTS"
        raise OperatorError(f"--parser {spec!r} is neither {kinds}")
    if grammar and grammar not in plain_grammars():
        known = ", ".join(plain_grammars())
        raise OperatorError(f"--grammar {grammar!r} is none; there are {known}")
    if rejects and spec.startswith(COMMAND):
        raise OperatorError("--rejects is for python: parsers; a command refuses with exit code 1")
    try:
        parser_of(spec, rejects)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise OperatorError(f"--parser {spec!r} cannot be used: {error}") from error
    return ForeignTarget(
        id=_id(spec),
        title=f"{spec} survives",
        module=spec,
        package=spec.split(":")[1].partition(".")[0],
        seeds=lambda: seeds_for(grammar),
        grammar=grammar,
        has_dictionary=bool(grammar),
        rejects=rejects,
    )


def seeds_for(grammar: str) -> Mapping[str, bytes]:
    """Return the seeds of all targets that read a grammar, without what is in front of it."""
    found: dict[bytes, str] = {}
    for target in TARGETS.values():
        if grammar and target.grammar.removesuffix(_PREFIXED) == grammar:
            for name, data in target.seeds().items():
                found.setdefault(data[target.prefix_bytes :], f"{target.id}-{name}")
    return {name: data for data, name in found.items()}


def _id(spec: str) -> str:
    """Return a name for a parser that can be one of a folder; other parsers have others."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", spec.partition(":")[2]).strip("-").upper()
    digest = hashlib.sha1(spec.encode(), usedforsecurity=False).hexdigest()[:_DIGEST_CHARS]
    return f"PARSER-{words[:_ID_CHARS_MAX]}-{digest}"
