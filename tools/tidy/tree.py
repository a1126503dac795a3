"""The files that tidy looks at, and what it says of them."""

from __future__ import annotations

import ast
import shutil
import subprocess
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from reference_broker.base import OperatorError


class Finding(NamedTuple):
    """One place that breaks a rule.

    Attributes:
        path: relative to the root, with slashes.
        line: from 1; 0 for the file as a whole.
        rule: its name, as the table of the package has it.
        message: what is wrong there.
        name: the function or class concerned; empty for none.
    """

    path: str
    line: int
    rule: str
    message: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message} [{self.rule}]"


class SourceFile:
    """One file of the repository.

    Args:
        path: relative to the root, with slashes.
        data: its content.
    """

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.data = data

    @cached_property
    def text(self) -> str | None:
        """Its content as text; None if it is not UTF-8 text."""
        if b"\0" in self.data:
            return None
        try:
            return self.data.decode()
        except UnicodeDecodeError:
            return None

    @cached_property
    def lines(self) -> list[str]:
        """Its lines; none if it is not text."""
        return (self.text or "").splitlines()

    @property
    def is_python(self) -> bool:
        """Whether it is a module."""
        return self.path.endswith(".py")

    @property
    def is_test(self) -> bool:
        """Whether it is in a folder of tests."""
        return "tests" in PurePosixPath(self.path).parent.parts

    @property
    def is_recorded(self) -> bool:
        """Whether it holds what others wrote: recorded bytes, the lock file, the licence."""
        parts = PurePosixPath(self.path).parts
        return "vectors" in parts or self.path in {"requirements.lock", "LICENSE"}

    @cached_property
    def module(self) -> ast.Module:
        """Its syntax tree.

        Raises:
            OperatorError: it is not Python.
        """
        try:
            return ast.parse(self.data, self.path)
        except (SyntaxError, ValueError) as error:
            raise OperatorError(f"{self.path} is not Python: {error}") from error


def read_tree(root: Path) -> list[SourceFile]:
    """Return the files that are committed or would be, in order of their paths.

    Raises:
        OperatorError: the folder is no git work tree, or there is no git.
    """
    git = shutil.which("git")
    if git is None:
        raise OperatorError("tidy asks git which files there are, and there is no git on PATH")
    command = [git, "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, capture_output=True, check=False)
    if listing.returncode:
        reason = listing.stderr.decode(errors="replace").strip()
        raise OperatorError(f"git cannot list the files of {root}: {reason}")
    names = sorted({name for name in listing.stdout.decode().split("\0") if name})
    return [
        SourceFile(name, (root / name).read_bytes()) for name in names if (root / name).is_file()
    ]
