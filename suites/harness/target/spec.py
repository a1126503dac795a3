"""What a command line says of a target, and what targets of a kind can do."""

from __future__ import annotations

import contextlib
import difflib
import ipaddress
import os
import shlex
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from reference_broker.base import OperatorError
from suites.harness.defects import ALL_DEFECTS


class TargetError(OperatorError):
    """The target cannot be started or reached: the run cannot go on (exit code 2)."""


class Capability(StrEnum):
    """What a target can do beyond speaking the protocol, its admin sessions included."""

    LIFECYCLE = "lifecycle"  # start, stop, kill, restart
    CONFIGURED = "configured"  # its domains are those of `suites.harness.topology`
    PROCESS = "process"  # a process of its own: memory can be measured, signals sent
    REFERENCE = "reference"  # it keeps what only our broker promises, as the wording of its log


class TargetKind(StrEnum):
    """How a target comes about; the first word of its specification."""

    REFERENCE = "reference"
    IN_PROCESS = "in-process"
    EXECUTABLE = "bmqbrkr"
    DOCKER = "docker"
    EXTERNAL = "external"


_CAPABILITIES: Final = MappingProxyType(
    {
        TargetKind.REFERENCE: frozenset(Capability),
        TargetKind.IN_PROCESS: frozenset(Capability) - {Capability.PROCESS},
        TargetKind.EXECUTABLE: frozenset(Capability) - {Capability.REFERENCE},
        TargetKind.DOCKER: frozenset({Capability.LIFECYCLE, Capability.CONFIGURED}),
        TargetKind.EXTERNAL: frozenset(),
    }
)
#: Specifications of our own broker.
OUR_TARGETS: Final = tuple(
    str(kind) for kind, can in _CAPABILITIES.items() if Capability.REFERENCE in can
)
_PORT_MAX: Final = 65_535
_FORMS: Final = (
    "neither 'reference' nor 'in-process', nor of the form bmqbrkr:/PATH/TO/bmqbrkr.tsk, "
    "docker:IMAGE or external:HOST:PORT"
)


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """What the command line says of a target.

    Attributes:
        text: as given.
        kind: how it comes about.
        path: of the executable, absolute; None for other kinds.
        image: of the container; empty for other kinds.
        address: (host, port) of an external target; None for one that we start.
        defect: name of a seeded defect to start it with; empty for none.
    """

    text: str
    kind: TargetKind
    path: Path | None = None
    image: str = ""
    address: tuple[str, int] | None = None
    defect: str = ""

    @classmethod
    def parse(cls, text: str, defect: str = "") -> Self:
        """Return the specification in a command line's words.

        Raises:
            TargetError: the text is of no known form, the executable is not there, the address is
                not on this machine, or the defect is unknown.
        """
        if defect and defect not in ALL_DEFECTS:
            near = difflib.get_close_matches(defect, ALL_DEFECTS, n=3) or sorted(ALL_DEFECTS)[:3]
            text = f"no defect is called {defect!r}; there are {len(ALL_DEFECTS)}"
            raise TargetError(
                f"{text}, such as {', '.join(near)}: see docs/defects.md and docs/fuzzing.md"
            )
        if text in OUR_TARGETS:
            return cls(text, TargetKind(text), defect=defect)
        kind, _, rest = text.partition(":")
        host, _, port = rest.rpartition(":")
        if kind == TargetKind.EXECUTABLE and rest:
            spec = cls(text, TargetKind.EXECUTABLE, path=_executable(rest))
        elif kind == TargetKind.DOCKER and rest:
            spec = cls(text, TargetKind.DOCKER, image=rest)
        elif kind == TargetKind.EXTERNAL and host and port.isdecimal():
            _check_loopback(host)
            if not 0 < int(port) <= _PORT_MAX:
                raise TargetError(f"target {text!r}: port {port} is not from 1 to {_PORT_MAX}")
            spec = cls(text, TargetKind.EXTERNAL, address=(host.strip("[]"), int(port)))
        else:
            raise TargetError(f"target {text!r} is {_FORMS}")
        if defect:
            names = " and ".join(repr(name) for name in OUR_TARGETS)
            raise TargetError(f"a defect can be seeded only into the targets {names}")
        return spec

    @property
    def arguments(self) -> str:
        """The command-line options that give this target again."""
        options = f"--target {shlex.quote(self.text)}"
        return f"{options} --break {self.defect}" if self.defect else options

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return _CAPABILITIES[self.kind]

    @property
    def is_ours(self) -> bool:
        """Whether it is our broker, which is strict, and whose texts are known."""
        return Capability.REFERENCE in self.capabilities


def _executable(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if not path.is_file() or not os.access(path, os.X_OK):
        raise TargetError(f"{path} is no file that can be run; give the path of a broker")
    return path


def _check_loopback(host: str) -> None:
    """Tests send traffic to this machine only."""
    if host == "localhost":
        return
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host.strip("[]")).is_loopback:
            return
    raise TargetError(f"target host {host!r} is not a loopback address (127.0.0.0/8 or [::1])")
