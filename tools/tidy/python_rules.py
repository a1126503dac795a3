"""Rules for any Python module, read from its syntax tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from tools.tidy.tree import Finding, SourceFile

FUNCTION_LINES_MAX: Final = 70
MODULE_LINES_MAX: Final = 600

_SPEAKS_FOR_ITSELF: Final = re.compile(r"/(?:test_\w+|conftest|__init__)\.py$")
_SLEEPERS: Final = frozenset({"time", "asyncio", "gevent", "trio", "anyio"})
_EXCUSES: Final = frozenset({"skip", "skipif", "xfail", "importorskip"})

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def check_module(file: SourceFile) -> Iterator[Finding]:
    """Check one module as a whole."""
    count = len(file.lines)
    if count > MODULE_LINES_MAX:
        text = f"{count} lines, at most {MODULE_LINES_MAX}; move a topic out"
        yield Finding(file.path, MODULE_LINES_MAX + 1, "module-length", text)
    body = file.module.body
    documented = ast.get_docstring(file.module) is not None
    if not documented and not (file.is_test and _SPEAKS_FOR_ITSELF.search(file.path)):
        yield Finding(file.path, 1, "docstring", "the module does not say what it is")
    first = body[int(documented)] if len(body) > documented else None
    if not _is_future_import(first):
        text = "`from __future__ import annotations` is not the first statement"
        yield Finding(file.path, getattr(first, "lineno", 1), "future-import", text)


def check_definitions(file: SourceFile) -> Iterator[Finding]:
    """Check the functions and classes of a module."""
    for name, node in definitions(file.module):
        if isinstance(node, ast.ClassDef):
            if any(_lacks_slots(decorator) for decorator in node.decorator_list):
                text = f"dataclass {name} has no slots=True"
                yield Finding(file.path, node.lineno, "slots", text, name)
            continue
        assert node.end_lineno is not None, "the parser gives it"
        count = node.end_lineno - node.lineno + 1
        if count > FUNCTION_LINES_MAX:
            text = f"{name} has {count} lines, at most {FUNCTION_LINES_MAX}"
            yield Finding(file.path, node.lineno, "function-length", text, name)


def check_calls(file: SourceFile) -> Iterator[Finding]:
    """Check what a module calls: sleeping, and skipping without a reason."""
    called = {id(node.func) for node in ast.walk(file.module) if isinstance(node, ast.Call)}
    sleeps = _imported_sleeps(file.module)
    for node in ast.walk(file.module):
        if isinstance(node, ast.Call):
            if _is_sleep(node, sleeps):
                text = "it sleeps; wait for a condition, or run in virtual time"
                yield Finding(file.path, node.lineno, "sleep", text)
            excuse = _excuse(node.func)
            if excuse is not None and not _gives_reason(node, excuse):
                text = f"pytest's {excuse} without a reason"
                yield Finding(file.path, node.lineno, "skip-reason", text)
        elif isinstance(node, ast.Attribute) and id(node) not in called and _is_mark(node):
            text = f"the mark {node.attr} without a reason"
            yield Finding(file.path, node.lineno, "skip-reason", text)


def definitions(module: ast.AST, prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Yield (qualified name, node) of every function and class, nested ones too."""
    for node in ast.iter_child_nodes(module):
        if isinstance(node, Definition):
            yield f"{prefix}{node.name}", node
            yield from definitions(node, f"{prefix}{node.name}.")
        else:
            yield from definitions(node, prefix)


def _is_future_import(node: ast.stmt | None) -> bool:
    return (
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(alias.name == "annotations" for alias in node.names)
    )


def _lacks_slots(decorator: ast.expr) -> bool:
    call = decorator if isinstance(decorator, ast.Call) else None
    name = call.func if call is not None else decorator
    plain = name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")
    if plain != "dataclass":
        return False
    keywords = call.keywords if call is not None else []
    return not any(
        keyword.arg == "slots"
        and isinstance(keyword.value, ast.Constant)
        and keyword.value.value is True
        for keyword in keywords
    )


def _imported_sleeps(module: ast.Module) -> frozenset[str]:
    """Return the names under which a module has imported a sleep."""
    return frozenset(
        alias.asname or alias.name
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and node.module in _SLEEPERS
        for alias in node.names
        if alias.name == "sleep"
    )


def _is_sleep(call: ast.Call, imported: frozenset[str]) -> bool:
    match call.func:
        case ast.Attribute(value=ast.Name(id=owner), attr="sleep") if owner in _SLEEPERS:
            pass
        case ast.Name(id=name) if name in imported:
            pass
        case _:
            return False
    match call.args:
        case [ast.Constant(value=0)]:
            return False  # lets others run, and waits for nothing
        case _:
            return True


def _excuse(function: ast.expr) -> str | None:
    """Return which of pytest's excuses a call makes, if it makes one."""
    match function:
        case ast.Attribute(value=ast.Name(id="pytest"), attr=name) if name in _EXCUSES:
            return name
        case ast.Attribute(attr=name) if _is_mark(function):
            return name
        case _:
            return None


def _is_mark(node: ast.expr) -> bool:
    """Return whether a node is one of pytest's marks for tests that are not to pass."""
    match node:
        case ast.Attribute(
            value=ast.Attribute(value=ast.Name(id="pytest"), attr="mark"), attr=name
        ):
            return name in _EXCUSES
        case _:
            return False


def _gives_reason(call: ast.Call, excuse: str) -> bool:
    reasons = [keyword.value for keyword in call.keywords if keyword.arg == "reason"]
    if call.args and (excuse == "skip" or (excuse == "xfail" and not _is_mark(call.func))):
        reasons.append(call.args[0])
    return any(
        not (isinstance(reason, ast.Constant) and not str(reason.value).strip())
        for reason in reasons
    )
