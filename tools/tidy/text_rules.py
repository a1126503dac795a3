"""Rules for any text: what it must not name, and how it must not read."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from typing import Final

from tools.tidy.tree import Finding, SourceFile

# Taken apart, so that this file does not name them.
_HOSTS: Final = (
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("crates", "io"),
    ("golang", "org"),
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("maven", "org"),
    ("maven", "apache", "org"),
    ("deb", "debian", "org"),
    ("anaconda", "org"),
    ("docker", "io"),
    ("ghcr", "io"),
)
_HOST: Final = re.compile(
    r"\b(?:" + "|".join(r"\.".join(parts) for parts in _HOSTS) + r")\b", re.IGNORECASE
)
_MACHINE_PATH: Final = re.compile(r"(?<![\w./~$}*-])/(?:work|root|home|tmp|Users)(?![\w-])")
_MARKER: Final = re.compile(r"\b(?:TO[D]O|FIX[M]E|X{3})\b")
# The first letter apart, for the start of a sentence; "a bool BOOL" is no slip.
_DOUBLED: Final = re.compile(
    r"\b((?i:[a-z])([a-z]+|[A-Z]+))"
    r"(?:[ \t]+|[ \t]*\n[ \t]*)"  # not over an empty line, as from a heading to its text
    r"(?i:(?=\1\b)[a-z])\2\b"
)
_FENCE: Final = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def check_text(file: SourceFile) -> Iterator[Finding]:
    """Check the lines of a text file."""
    for number, line in enumerate(file.lines, 1):
        if found := _HOST.search(line):
            text = f"names the registry host {found[0]}; name the package instead"
            yield Finding(file.path, number, "registry-host", text)
        if found := _MACHINE_PATH.search(line):
            text = f"{found[0]} is a path of one machine; use a relative or a temporary one"
            yield Finding(file.path, number, "machine-path", text)
        if not file.is_recorded and (found := _MARKER.search(line)):
            text = f"{found[0]}: do it, or describe the gap in the docs"
            yield Finding(file.path, number, "marker-word", text)


def check_words(file: SourceFile) -> Iterator[Finding]:
    """Check the prose of a file: comments and docstrings, or Markdown outside of code."""
    if file.text is None or file.is_recorded:
        return
    if file.is_python:
        passages = [*_comments(file.text), *_docstrings(file.module)]
    elif file.path.endswith(".md"):
        passages = [(1, _FENCE.sub(lambda code: "\n.\n" * code[0].count("\n"), file.text))]
    else:
        return
    for first, passage in passages:
        for found in _DOUBLED.finditer(passage):
            line = first + passage.count("\n", 0, found.start())
            text = f"{found[1]!r} twice in a row"
            yield Finding(file.path, line, "doubled-word", text)


def _comments(text: str) -> list[tuple[int, str]]:
    """Return (line, text) of every comment, those on lines that follow one another together."""
    blocks: list[tuple[int, str]] = []
    last = (0, 0)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        words = token.string.lstrip("#:! ")
        row, column = token.start
        if last == (row - 1, column):
            blocks[-1] = (blocks[-1][0], f"{blocks[-1][1]}\n{words}")
        else:
            blocks.append((row, words))
        last = token.start
    return blocks


def _docstrings(module: ast.Module) -> list[tuple[int, str]]:
    """Return (line, text) of every docstring."""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return [
        (node.body[0].lineno, text)
        for node in ast.walk(module)
        if isinstance(node, documented) and (text := ast.get_docstring(node, clean=False))
    ]
