"""Find the citations in code: in comments and docstrings, and nowhere else."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from reference_broker.base import OperatorError
from tools.statements.chapters import cited_ids

_DOCUMENTED: Final = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_TESTS: Final = "tests"


def read_citations(package: Path) -> dict[str, list[str]]:
    """Return the files that cite each id, in order; tests do not count.

    Args:
        package: folder of the code.

    Raises:
        OperatorError: there is no code, or some of it cannot be parsed.
    """
    citations: dict[str, list[str]] = {}
    paths = sorted(
        path for path in package.rglob("*.py") if _TESTS not in path.relative_to(package).parts
    )
    if not paths:
        raise OperatorError(f"{package} has no code; give the root of a work tree")
    for path in paths:
        name = path.relative_to(package.parent).as_posix()
        try:
            ids = code_citations(path.read_text(encoding="utf-8"))
        except SyntaxError as error:
            raise OperatorError(f"{name} is no Python: {error}; mend it first") from None
        for statement_id in ids:
            files = citations.setdefault(statement_id, [])
            if name not in files:
                files.append(name)
    return citations


def code_citations(source: str) -> list[str]:
    """Return the ids that comments and docstrings of a module cite.

    Raises:
        SyntaxError: it is no Python.
    """
    passages = [*_docstrings(ast.parse(source)), *_comments(source)]
    return [statement_id for passage in passages for statement_id in cited_ids(passage)]


def _docstrings(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, _DOCUMENTED):
            text = ast.get_docstring(node, clean=False)
            if text is not None:
                yield text


def _comments(source: str) -> Iterator[str]:
    """Yield blocks of comments on lines of their own, and single comments behind code."""
    block: list[str] = []
    last_line = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line = token.start[0]
        if line != last_line + 1:
            yield "\n".join(block)
            block = []
        block.append(token.string.lstrip("#:"))
        last_line = line
    yield "\n".join(block)
