"""Rules for the pure rooms: what makes the core a function of its inputs (docs/decisions/0001).

What they may import is import-linter's business; see `pyproject.toml`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from tools.tidy.tree import Finding, SourceFile

PURE_ROOMS: Final = frozenset(
    {"base", "expr", "config", "wire", "ports", "session", "queue", "storage"}
    | {"security", "admin", "core"}
)

_MUTABLE_CALLS: Final = frozenset(
    {"list", "dict", "set", "bytearray", "deque", "defaultdict", "Counter", "OrderedDict"}
    | {"count", "cycle", "iter", "ChainMap", "array"}
)
_MUTABLE_DISPLAYS: Final = (
    ast.List,
    ast.Dict,
    ast.Set,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
    ast.GeneratorExp,
)


def is_pure(file: SourceFile) -> bool:
    """Return whether a module belongs to a pure room; its tests do not."""
    parts = PurePosixPath(file.path).parts
    in_room = len(parts) > 2 and parts[0] == "reference_broker" and parts[1] in PURE_ROOMS
    return in_room and file.is_python and not file.is_test


def check_pure(file: SourceFile) -> Iterator[Finding]:
    """Check a module of a pure room."""
    for node in ast.walk(file.module):
        if isinstance(node, ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await):
            text = "a pure room has no coroutines; return effects instead"
            yield Finding(file.path, node.lineno, "pure-async", text)
        if isinstance(node, ast.Global):
            text = f"`global {', '.join(node.names)}`: a pure room keeps no state in a module"
            yield Finding(file.path, node.lineno, "pure-state", text)
    for statement in _module_statements(file.module.body):
        for name in _mutable_names(statement):
            text = f"{name} is mutable state of the module; make it Final or immutable"
            yield Finding(file.path, statement.lineno, "pure-state", text, name)


def _module_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when a module is imported, outside of classes."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With | ast.For | ast.While):
            yield from _module_statements(statement.body)
        if isinstance(statement, ast.If | ast.Try | ast.For | ast.While):
            yield from _module_statements(statement.orelse)
        if isinstance(statement, ast.Try):
            yield from _module_statements(statement.finalbody)
            for handler in statement.handlers:
                yield from _module_statements(handler.body)


def _mutable_names(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.Assign(targets=targets, value=value) if _is_mutable(value):
            names = [ast.unparse(target) for target in targets]
        case ast.AnnAssign(target=target, annotation=annotation, value=ast.expr() as value) if (
            _is_mutable(value) and not _is_final(annotation)
        ):
            names = [ast.unparse(target)]
        case _:
            return []
    return [name for name in names if name != "__all__"]


def _is_mutable(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        function = value.func
        name = function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)
        return name in _MUTABLE_CALLS
    return isinstance(value, _MUTABLE_DISPLAYS)


def _is_final(annotation: ast.expr) -> bool:
    plain = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return ast.unparse(plain) in {"Final", "typing.Final"}
