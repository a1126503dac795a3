from __future__ import annotations

import pickle

import pytest

from reference_broker.base import OperatorError
from reference_broker.config.errors import (
    MISSING,
    ConfigError,
    ConfigFileError,
    ConfigTextError,
    DomainNotFound,
    join_path,
    show,
)


def test_the_message_names_path_value_and_rule():
    error = ConfigError("a.b[2].c", 64, "must be an integer from 0 to 63")
    assert str(error) == "a.b[2].c is 64 but must be an integer from 0 to 63"
    assert isinstance(error, OperatorError)


def test_the_message_names_the_source_once_it_is_known():
    error = ConfigError("", [], "must be an object")
    assert str(error) == "the document is a list of 0 items but must be an object"
    error.source = "etc/x.json"
    assert str(error) == "etc/x.json: the document is a list of 0 items but must be an object"


def test_the_text_error_names_line_and_column():
    error = ConfigTextError(3, 7, "a comma is missing")
    assert str(error) == "line 3, column 7: not JSON: a comma is missing"
    error.source = "etc/x.json"
    assert str(error) == "etc/x.json: line 3, column 7: not JSON: a comma is missing"


def test_the_file_error_names_file_and_problem():
    error = ConfigFileError("etc/x.json", "Permission denied")
    assert str(error) == "etc/x.json: cannot be read: Permission denied"


def test_the_text_for_a_missing_domain_is_the_one_that_clients_know():
    assert str(DomainNotFound("etc/domains/a.json")) == (
        "Domain file 'etc/domains/a.json' doesn't exist"
    )


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("a", 1, "must be 2"),
        ConfigTextError(1, 2, "no"),
        ConfigFileError("f", "no"),
        DomainNotFound("f"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_pickling(error):
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (MISSING, "missing"),
        (True, "true"),
        (False, "false"),
        (-5, "-5"),
        (1 << 200, "an integer of 201 bits"),
        (0.5, "0.5"),
        ("two\nlines", r"'two\nlines'"),
        ("x" * 1000, f"'{'x' * 80}' and more"),
        ({}, "an object with 0 members"),
        ({"b": 1, "a": 2}, "an object with 2 members ('b', 'a')"),
        ([1, 2, 3], "a list of 3 items"),
        (b"abc", "a list of 3 items"),
    ],
    ids=repr,
)
def test_any_value_is_shown_as_one_short_phrase(value, words):
    assert show(value) == words


@pytest.mark.parametrize(
    ("path", "name", "joined"),
    [
        ("", "a", "a"),
        ("a.b", "c", "a.b.c"),
        ("a[1]", "c", "a[1].c"),
        ("a", "b.c", "a['b.c']"),
        ("a", "", "a['']"),
        ("", "\n\u00e4", r"['\n\xe4']"),
        ("a", "x" * 200, f"a['{'x' * 80}']"),
    ],
    ids=repr,
)
def test_paths(path, name, joined):
    assert join_path(path, name) == joined
