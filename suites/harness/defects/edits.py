"""How a mistake inside of a parser gets in: a line of one function reads otherwise.

What is wrong in a parser is seldom a whole function: a bound that is missing, a `<` for a `<=`. So
the function's source is changed as an editor would, compiled, and becomes the code of the function
that is there; everybody who has imported it makes the mistake. If the text is not there once and no
more, the product has moved, and applying the mistake fails loudly.
"""

from __future__ import annotations
import __future__

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple

from suites.harness.defects.doors import entries_of, said_of

#: The functions that were changed in this process, for those who watch which code runs.
EDITED: Final[list[FunctionType]] = []

_FLAGS: Final = __future__.annotations.compiler_flag


class Mistake(NamedTuple):
    """One seeded defect of a parser or of the handling of states.

    Attributes:
        name: for `--break`.
        place: the file of the product whose code is wrong, as `wire/put.py`.
        kind: of mistake, in a word or a few.
        summary: what goes wrong, in a sentence.
        apply: makes it so in this process; raises `AttributeError` if the product has moved.
    """

    name: str
    place: str
    kind: str
    summary: str
    apply: Callable[[], None]

    @property
    def room(self) -> str:
        """The room whose code is wrong."""
        return self.place.partition("/")[0]


def mistake(place: str, kind: str) -> Callable[[Callable[[], None]], Mistake]:
    """Make a function that applies a mistake into an entry of the catalogue.

    The function's name is the mistake's, and its docstring the summary.

    Args:
        place: file of the product whose code is wrong.
        kind: of mistake.
    """

    def make(apply: Callable[[], None]) -> Mistake:
        name, summary = said_of(apply)
        return Mistake(name, place, kind, summary, apply)

    return make


def mistakes_of(modules: Sequence[ModuleType]) -> dict[str, Mistake]:
    """Return the mistakes that modules define, by name, in their order."""
    return entries_of(modules, Mistake)


def edit(function: Any, *changes: tuple[str, str]) -> None:
    """Change the source of a function, for everybody who has it.

    Args:
        function: a plain one, or a method as its class has it.
        changes: what the source has exactly once, and what it has instead.

    Raises:
        AttributeError: it is no function any more, or its source is another one.
    """
    if not isinstance(function, FunctionType):
        raise AttributeError(f"{function!r} is no plain function")  # noqa: TRY004 - a door is gone
    source = textwrap.dedent(inspect.getsource(function))
    for old, new in changes:
        if source.count(old) != 1:
            raise AttributeError(f"{function.__qualname__} has {source.count(old)} times {old!r}")
        source = source.replace(old, new)
    tree = ast.parse(source)
    (definition,) = tree.body
    assert isinstance(definition, ast.FunctionDef), function
    definition.decorator_list = []
    ast.increment_lineno(tree, function.__code__.co_firstlineno - 1)
    code = compile(tree, function.__code__.co_filename, "exec", flags=_FLAGS, dont_inherit=True)
    made: dict[str, FunctionType] = {}
    exec(code, function.__globals__, made)
    function.__code__ = made[function.__name__].__code__
    EDITED.append(function)
