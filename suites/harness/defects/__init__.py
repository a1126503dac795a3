"""Seeded defects: named changes of the reference broker's behaviour, to test the suites with.

::

    DEFECTS["push-twice"].apply()       # in a process of its own, before the broker starts

Each one is a mistake that people make who write brokers. It replaces names of the broker before that
starts, in the process that `suites.harness.broken_broker` is; the product knows nothing of it, so it
costs nothing when off. If a door is gone, applying the defect fails loudly. `docs/defects.md` tells
which cases of the integration suite each of them turns red.

| module        | where things go wrong                                                |
|---------------|----------------------------------------------------------------------|
| `framing`     | frames, heartbeats, control messages, CONFIRM lists                  |
| `decoding`    | how requests are read: numbers, liberties of the encodings, rIds     |
| `sessions`    | negotiation and authentication                                       |
| `requests`    | open, configure, close, disconnect                                   |
| `publishing`  | from a PUT to its acknowledgement                                    |
| `keeping`     | limits, duplicates, age, apps, poison, domains                       |
| `routing`     | priorities, turns, flow control, subscriptions                       |
| `expressions` | expressions and the filters of apps                                  |
| `delivering`  | from the queue to the consumer, confirmation, redelivery             |
| `storing`     | what survives a restart                                              |
| `commands`    | the operator's commands                                              |
| `asking`      | the operator's commands at their edges                               |
| `hosting`     | the process, its files and its configuration                         |
| `operating`   | stops, alarms, names of domains and queues                           |
| `bounding`    | the order of limits, GUIDs of other queues, pauses, slow clients     |

Mistakes are defects that the fuzz suite has to find, and the integration suite need not: they are in
`parsers` and `states`. `docs/fuzzing.md` tells how long it takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from suites.harness.defects import (
    asking,
    bounding,
    commands,
    decoding,
    delivering,
    expressions,
    framing,
    hosting,
    keeping,
    operating,
    parsers,
    publishing,
    requests,
    routing,
    sessions,
    states,
    storing,
)
from suites.harness.defects.doors import Defect, defects_of
from suites.harness.defects.edits import Mistake, mistakes_of

__all__ = ["ALL_DEFECTS", "DEFECTS", "PARSER_DEFECTS", "Defect", "Mistake"]

#: By name.
DEFECTS: Final = defects_of(
    (
        framing,
        decoding,
        sessions,
        requests,
        publishing,
        keeping,
        routing,
        expressions,
        delivering,
        storing,
        commands,
        asking,
        hosting,
        operating,
        bounding,
    )
)
#: Mistakes of parsers and of the handling of states, by name.
PARSER_DEFECTS: Final = mistakes_of((parsers, states))
#: Everything that `--break` takes, by name.
ALL_DEFECTS: Final[Mapping[str, Defect | Mistake]] = MappingProxyType({**DEFECTS, **PARSER_DEFECTS})
