from __future__ import annotations

import pytest

from reference_broker.base import OperatorError
from reference_broker.config import MISSING, ConfigError, Findings, parse_clusters
from suites.fuzz.oracles.documents import (
    COMPLAINT_CHARS_MAX,
    check_document,
    check_operator_error,
    member_at,
)

TREE = {"a": [{"b": 1}, {"b": {"c": None}}], "d": "x"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("", TREE),
        ("a[1].b.c", None),
        ("a[0].b", 1),
        ("a[2].b", MISSING),
        ("d.e", MISSING),
        ("a.b", MISSING),
        ("['quoted']", MISSING),
    ],
)
def test_a_path_leads_to_a_member(path, value):
    assert member_at(TREE, path) == value


def test_a_complaint_is_one_line_of_some_length():
    check_operator_error(OperatorError("x" * COMPLAINT_CHARS_MAX), 0)
    with pytest.raises(AssertionError, match="characters about 0 bytes"):
        check_operator_error(OperatorError("x" * (COMPLAINT_CHARS_MAX + 1)), 0)
    with pytest.raises(AssertionError, match="not one line"):
        check_operator_error(OperatorError("x\ny"), 0)


def test_a_document_is_read_or_refused():
    found = check_document(b'{"colour": 1}', "x.json", parse_clusters)
    assert found is not None
    assert found.unknown == ("colour",)
    assert check_document(b'{"myClusters": 1}', "x.json", parse_clusters) is None
    assert check_document(b"[", "x.json", parse_clusters) is None
    assert check_document(b"[[[[" * 30_000, "x.json", parse_clusters) is None


@pytest.mark.parametrize(
    ("data", "error", "problem"),
    [
        (b'{"a": 5}', ConfigError("a", 6, "must be 7"), "a is 5"),
        (b'{"a": 5}', ConfigError("a", MISSING, "must be given"), "a is 5"),
    ],
)
def test_a_complaint_about_the_wrong_member_is_found_out(data, error, problem):
    def parse(_raw):
        raise error

    with pytest.raises(AssertionError, match=problem):
        check_document(data, "x.json", parse)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('"05"', 5),
        ('"-05"', -5),
        ('"TRUE"', True),
        ("[1, 2]", (3, 4)),
        ('{"fsync": {}}', "fsync"),
        ('{"name": "x"}', "x"),
    ],
)
def test_a_complaint_may_show_what_was_read(text, shown):
    def parse(_raw):
        raise ConfigError("a", shown, "must not be")

    assert check_document(f'{{"a": {text}}}'.encode(), "x.json", parse) is None


@pytest.mark.parametrize(
    "findings",
    [
        Findings(unknown=("a",)),
        Findings(unhonoured=("myReverseClusters",) * 2, extra={"myReverseClusters": []}),
        Findings(unhonoured=("myReverseClusters",), extra={"myReverseClusters": [1]}),
    ],
)
def test_wrong_findings_are_found_out(findings):
    with pytest.raises((AssertionError, KeyError)):
        check_document(b'{"myReverseClusters": []}', "x.json", lambda _: findings)
