"""Rules for files and folders, whatever is in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from tools.tidy.tree import Finding, SourceFile

FILE_BYTES_MAX: Final = 2 * 1024 * 1024

_UNWANTED: Final = frozenset(
    {".pyc", ".pyo", ".so", ".log", ".key", ".pem", ".p12", ".pfx", ".jks", ".pid", ".swp"}
    | {".orig", ".rej", ".bak", ".whl", ".tmp"}
)
_FUZZER_LEFT: Final = re.compile(r"(?:^|/)(?:crash|oom|timeout|leak|slow-unit)-[0-9a-f]{40}$")
_KEY: Final = b"-----BEGIN "
_KEY_END: Final = b"PRIVATE KEY-----"


def check_file(file: SourceFile) -> Iterator[Finding]:
    """Check that a file is one that belongs here."""
    suffix = PurePosixPath(file.path).suffix
    if suffix in _UNWANTED:
        text = f"a {suffix} file is made, not committed"
        yield Finding(file.path, 0, "unwanted-file", text)
    if _FUZZER_LEFT.search(file.path):
        text = "a fuzzer left it; make it a test with a name, or remove it"
        yield Finding(file.path, 0, "unwanted-file", text)
    if len(file.data) > FILE_BYTES_MAX:
        text = f"{len(file.data)} bytes, at most {FILE_BYTES_MAX}"
        yield Finding(file.path, 0, "unwanted-file", text)
    for number, line in enumerate(file.data.split(b"\n"), 1):
        if line.strip().startswith(_KEY) and line.strip().endswith(_KEY_END):
            text = "a private key; make keys when they are needed"
            yield Finding(file.path, number, "unwanted-file", text)


def check_folders(files: Sequence[SourceFile]) -> Iterator[Finding]:
    """Check that every folder with modules is a package."""
    paths = {file.path for file in files}
    folders = {PurePosixPath(file.path).parent for file in files if file.is_python}
    for folder in sorted(folders - {PurePosixPath()}):
        marker = str(folder / "__init__.py")
        if marker not in paths:
            text = f"there is no {marker}; its modules would be found by luck"
            yield Finding(str(folder), 0, "package-marker", text)
