"""Targets: the brokers that suites run against.

| specification        | what it is                                                             |
|----------------------|------------------------------------------------------------------------|
| `reference`          | our broker, a process of its own, configured and started here          |
| `in-process`         | our broker in a thread of the suite's process (`in_process` says what  |
|                      | that cannot show)                                                      |
| `bmqbrkr:/PATH`      | any executable that is a drop-in for BlazingMQ's `bmqbrkr.tsk`,        |
|                      | configured and started here                                            |
| `docker:IMAGE`       | the same in a container; tried with a stand-in for Docker, not with    |
|                      | Docker itself                                                          |
| `external:HOST:PORT` | a broker that runs already                                             |

| what it can do               | reference | in-process | bmqbrkr | docker | external |
|------------------------------|-----------|------------|---------|--------|----------|
| `lifecycle`, `configured`    | yes       | yes        | yes     | yes    |          |
| `process`                    | yes       |            | yes     |        |          |
| `reference`                  | yes       | yes        |         |        |          |

Every target of the protocol answers admin sessions, so there is no capability for it. All calls
block and are bounded. A case that needs what a target cannot do is reported as not applicable. An
external broker that lacks the domain which every case needs is an error, found when it is reached.
"""

from __future__ import annotations

from suites.harness.target.runner import PRINTED_BELOW, STOP_SECONDS_MAX
from suites.harness.target.spec import (
    OUR_TARGETS,
    Capability,
    TargetError,
    TargetKind,
    TargetSpec,
)
from suites.harness.target.target import READY_SECONDS_MAX, Target, free_port

__all__ = [
    "OUR_TARGETS",
    "PRINTED_BELOW",
    "READY_SECONDS_MAX",
    "STOP_SECONDS_MAX",
    "Capability",
    "Target",
    "TargetError",
    "TargetKind",
    "TargetSpec",
    "free_port",
]
