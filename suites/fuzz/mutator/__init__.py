"""Mutation that knows the protocol: everything stays right, or exactly one thing is broken.

| module           | what it knows                                                       |
|------------------|---------------------------------------------------------------------|
| `mutation`       | the functions below                                                 |
| `tree`           | kinds of nodes, their headers and fields                            |
| `parsing`, `areas`, `writing` | from any bytes to a tree and back, to the byte         |
| `grammars`       | what an input is, by name                                           |
| `edits`          | changes of a tree that leave all else right                         |
| `breaks`         | changes that break one thing, and each of them once                 |
| `exchange`       | crossover                                                           |
| `ber`, `json_text`, `conversion` | control messages                                    |
| `sets`, `texts`  | what is inserted                                                    |
| `chance`         | every choice, from one seed                                         |
| `hooks`          | how atheris calls it                                                |
| `strategies`     | the same grammar for Hypothesis, and tests of Hypothesis as targets |

::

    mutate(data, max_size, seed)               a changed input; most are well-formed
    labelled(data, seed)                       the same, with what was done to it
    crossover(one, other, max_size, seed)      a part of one input in the other
    mutations(data)                            each single change once, in a fixed order
    describe(data)                             the nodes of an input, and what is wrong in it
    write(parse(data)) == data                 for any data

All of it is a pure function of its arguments, raises on no input, and is bounded: by `max_size`, by
64 parts of a list and 256 elements of a text that are looked at.
"""

from __future__ import annotations

from suites.fuzz.mutator.grammars import GRAMMARS, knows
from suites.fuzz.mutator.hooks import Hooks, hooks
from suites.fuzz.mutator.mutation import (
    Mutation,
    crossover,
    describe,
    labelled,
    mutate,
    mutations,
    parse,
)
from suites.fuzz.mutator.writing import write

__all__ = [
    "GRAMMARS",
    "Hooks",
    "Mutation",
    "crossover",
    "describe",
    "hooks",
    "knows",
    "labelled",
    "mutate",
    "mutations",
    "parse",
    "write",
]
