"""What atheris calls instead of libFuzzer's own mutation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from suites.fuzz.mutator import sets
from suites.fuzz.mutator.chance import MutateBytes
from suites.fuzz.mutator.grammars import grammar_named
from suites.fuzz.mutator.mutation import crossover, mutate

#: libFuzzer asks for a crossover as often as for a mutation; one of so many times it gets one.
_CROSSOVER_OF: Final = 4


class Hooks(NamedTuple):
    """Arguments of `atheris.Setup`, by its names."""

    custom_mutator: Callable[[bytes, int, int], bytes]
    custom_crossover: Callable[[bytes, bytes, int, int], bytes]


def hooks(grammar: str, mutate_bytes: MutateBytes) -> Hooks:
    """Return the functions for a grammar.

    Args:
        grammar: what the inputs of the target are.
        mutate_bytes: `atheris.Mutate`, which knows the dictionary and the comparisons of the target.

    Raises:
        OperatorError: there is no such grammar.
    """
    grammar_named(grammar)
    sets.warm()

    def custom_mutator(data: bytes, max_size: int, seed: int) -> bytes:
        return mutate(data, max_size, seed, grammar=grammar, mutate_bytes=mutate_bytes)

    def custom_crossover(one: bytes, other: bytes, max_size: int, seed: int) -> bytes:
        if seed % _CROSSOVER_OF:
            return custom_mutator(one, max_size, seed)
        return crossover(one, other, max_size, seed, grammar=grammar)

    return Hooks(custom_mutator, custom_crossover)
