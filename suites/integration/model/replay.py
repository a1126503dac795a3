"""The door for programs that the machine has printed.

::

    from suites.integration.model.replay import *

    DomainMachine = machine(target="virtual", defect="push-twice")
    state = DomainMachine()
    state.begin(plans=(Plan(),), kinds=("new", "new", "new"), cut=0)
    ...
    state.teardown()

Without a call of `machine` the programs run against the core of our broker, as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from suites.harness.defects import DEFECTS
from suites.integration.model.machine import DomainMachine as _Machine
from suites.integration.model.machine import machine_for
from suites.integration.model.plan import Plan, Sub
from suites.integration.model.sockets import own_driver
from suites.integration.model.virtual import VirtualDriver

__all__ = ["DomainMachine", "Plan", "Sub", "machine", "program_text"]

#: The target that is no target of the harness: the core of our broker in this process.
VIRTUAL = "virtual"


def machine(target: str = VIRTUAL, defect: str = "") -> type[_Machine]:
    """Return the machine that a program runs.

    Args:
        target: `virtual`, or a target of the harness, which the program has for itself.
        defect: a seeded defect, which this process keeps from now on; empty for none.
    """
    if target != VIRTUAL:
        return machine_for(own_driver(target, defect))
    if defect:
        DEFECTS[defect].apply()
    return machine_for(VirtualDriver)


#: For programs that do not ask for another target.
DomainMachine = machine_for(VirtualDriver)


def program_text(acts: Sequence[str], target: str = VIRTUAL, defect: str = "") -> str:
    """Return a program that `python` can run."""
    lines = [
        "from suites.integration.model.replay import *",
        "",
        f"DomainMachine = machine(target={target!r}, defect={defect!r})",
        "state = DomainMachine()",
        *acts,
    ]
    if acts[-1] != "state.teardown()":
        lines.append("state.teardown()")
    return "\n".join(lines) + "\n"
