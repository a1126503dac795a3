"""All rules over all files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tools.tidy.exemptions import EXEMPTIONS
from tools.tidy.file_rules import check_file, check_folders
from tools.tidy.pure_rules import check_pure, is_pure
from tools.tidy.python_rules import check_calls, check_definitions, check_module
from tools.tidy.text_rules import check_text, check_words
from tools.tidy.tree import Finding, SourceFile


def find_all(
    files: Sequence[SourceFile],
    exemptions: Mapping[str, Mapping[str, str]] = EXEMPTIONS,
) -> list[Finding]:
    """Return the findings that no exemption covers, and the exemptions that cover none.

    Args:
        files: what to look at.
        exemptions: by rule and by path or `path::name`, the reason.

    Raises:
        OperatorError: a module is not Python.
    """
    findings: list[Finding] = []
    unused = {(rule, key) for rule, keys in exemptions.items() for key in keys}
    for finding in _find(files):
        keys = {finding.path, f"{finding.path}::{finding.name}"}
        used = {(finding.rule, key) for key in keys & set(exemptions.get(finding.rule, ()))}
        unused -= used
        if not used:
            findings.append(finding)
    for rule, key in unused:
        text = f"nothing here needs the exemption from {rule} any more; remove {key!r}"
        findings.append(Finding(key.partition("::")[0], 0, "stale-exemption", text))
    return sorted(findings)


def _find(files: Sequence[SourceFile]) -> Iterator[Finding]:
    yield from check_folders(files)
    for file in files:
        yield from check_file(file)
        yield from check_text(file)
        yield from check_words(file)
        if file.is_python:
            yield from check_module(file)
            yield from check_definitions(file)
            yield from check_calls(file)
        if is_pure(file):
            yield from check_pure(file)
