"""The report as JUnit XML, in the dialect that CI systems read.

| verdict                            | element                            |
|------------------------------------|------------------------------------|
| `FAIL`                             | `<failure message=reason>`         |
| `ERROR`                            | `<error message=reason>`           |
| `NOT_RUN`, `NOT_APPLICABLE`        | `<skipped message=reason>`         |
| the rest                           | none; the property `verdict` tells |

A suite without cases becomes one `<error>`, so that no CI calls it green. A matrix has one
`<testsuite>` per target.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.etree import ElementTree as ET

from suites.harness.report.matrix import Matrix
from suites.harness.report.model import Case, Report, SuiteResult, Verdict
from suites.harness.report.text import clip, one_line, printable

DETAILS_CHARS_MAX = 64 * 1024

OUTCOME_TAGS: Mapping[Verdict, str] = {
    Verdict.FAIL: "failure",
    Verdict.ERROR: "error",
    Verdict.NOT_RUN: "skipped",
    Verdict.NOT_APPLICABLE: "skipped",
}


def to_junit(report: Report) -> bytes:
    """Render the report as a UTF-8 XML document, valid for any text in it.

    The counts in the attributes are those of the elements below. Details are clipped to
    `DETAILS_CHARS_MAX` characters with a note.
    """
    root = ET.Element("testsuites", name=one_line(report.title))
    for suite in report.suites:
        root.append(_suite_element(suite, report))
    if not report.suites:
        root.append(_empty_element(report))
    return _document(root, report.duration_s, report.started_utc)


def matrix_to_junit(matrix: Matrix) -> bytes:
    """Render a matrix: the same, with a `<testsuite>` per target, named after it."""
    root = ET.Element("testsuites", name=one_line(matrix.title))
    for report, column in zip(matrix.reports, matrix.columns, strict=True):
        element = _suite_element(column.result, report)
        element.set("name", one_line(column.target))
        root.append(element)
    return _document(root, matrix.duration_s, matrix.started_utc)


def _document(root: ET.Element, duration_s: float, started_utc: str) -> bytes:
    for attribute in ("tests", "failures", "errors", "skipped"):
        root.set(attribute, str(sum(int(child.get(attribute, "0")) for child in root)))
    root.set("time", f"{duration_s:.3f}")
    root.set("timestamp", one_line(started_utc))
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _suite_element(suite: SuiteResult, report: Report) -> ET.Element:
    element = ET.Element("testsuite", name=suite.name)
    facts = {"target": report.target, "command": report.command, **report.environment}
    _add_properties(element, facts.items())
    for case in suite.cases:
        element.append(_case_element(case))
    if suite.problem:
        element.append(_problem_element(suite.name, suite.problem))
    if suite.notes:
        ET.SubElement(element, "system-out").text = printable("\n".join(suite.notes))
    _set_counts(element)
    element.set("time", f"{suite.duration_s:.3f}")
    element.set("timestamp", one_line(report.started_utc))
    return element


def _case_element(case: Case) -> ET.Element:
    element = ET.Element(
        "testcase",
        classname=f"gauntlet.{case.suite}",
        name=printable(case.id),
        time=f"{case.duration_s:.3f}",
    )
    texts = {"statement": case.statement, "expectation": case.expectation}
    facts = {"title": case.title, "verdict": case.verdict.value}
    facts |= {name: text for name, text in texts.items() if text}
    facts |= {"proves": " ".join(case.proves)} if case.proves else {}
    _add_properties(element, [*facts.items(), *case.properties.items()])
    told = "\n\n".join(text for text in (case.details, case.log) if text)
    details = clip(printable(told), DETAILS_CHARS_MAX)
    if tag := OUTCOME_TAGS.get(case.verdict):
        outcome = ET.SubElement(element, tag, message=one_line(case.reason), type=case.verdict)
        outcome.text = details
    out = [f"replay: {case.replay}"] if case.replay else []
    if case.verdict.is_passed:
        out += [text for text in (case.reason, details) if text]
    if out:
        ET.SubElement(element, "system-out").text = printable("\n".join(out))
    return element


def _empty_element(report: Report) -> ET.Element:
    element = ET.Element("testsuite", name="gauntlet")
    _add_properties(element, report.environment.items())
    element.append(_problem_element("gauntlet", "the run had no suite, so it has shown nothing"))
    _set_counts(element)
    element.set("time", "0.000")
    return element


def _problem_element(name: str, problem: str) -> ET.Element:
    element = ET.Element("testcase", classname=f"gauntlet.{name}", name=name, time="0.000")
    ET.SubElement(element, "error", message=problem, type=Verdict.ERROR)
    return element


def _set_counts(suite: ET.Element) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))


def _add_properties(element: ET.Element, facts: Iterable[tuple[str, str | float | int]]) -> None:
    properties = ET.SubElement(element, "properties")
    for name, value in facts:
        ET.SubElement(properties, "property", name=printable(name), value=printable(str(value)))
    if not len(properties):
        element.remove(properties)
