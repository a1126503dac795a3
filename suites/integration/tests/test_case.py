"""Numbering: every case has a number of its own, and every test among the cases is a case."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from suites.integration import case as case_module
from suites.integration import cases
from suites.integration.case import MARK, CaseInfo, case, case_family, registered_cases
from suites.integration.runner import import_cases


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch):
    """What these tests register is no case of the suite."""
    import_cases()
    monkeypatch.setattr(case_module, "_registry", dict(case_module._registry))


def info(case_id: str) -> CaseInfo:
    return CaseInfo(id=case_id, title="t", statement="s", expectation="e")


def case_modules() -> Iterator[ModuleType]:
    for module in pkgutil.iter_modules(cases.__path__):
        yield importlib.import_module(f"{cases.__name__}.{module.name}")


def test_every_test_is_a_case():
    for module in case_modules():
        for name, function in vars(module).items():
            if name.startswith("test_"):
                marks = {mark.name for mark in function.pytestmark}
                assert marks & {MARK, "parametrize"}, f"{module.__name__}.{name} has no number"


def test_there_are_cases_of_every_area():
    import_cases()
    areas = {known.sort_key[0] for known in registered_cases().values()}
    assert areas >= {
        "NEG", "OPEN", "CFG", "CLOSE", "PUT", "PUSH", "CONFIRM", "HB", "DISC", "STORE", "SDK",
        "BAD", "MEM", "AUTH", "FAN", "CAST", "SUB", "APP", "DEDUP", "TTL", "POISON", "ADMIN",
        "LIMIT",
    }  # fmt: skip


def test_cases_are_in_the_order_of_their_numbers():
    import_cases()
    infos = list(registered_cases().values())
    assert infos == sorted(infos, key=lambda known: known.sort_key)
    assert [known.id for known in infos if known.id.startswith("BMQ-PUT-")][:3] == [
        "BMQ-PUT-1",
        "BMQ-PUT-2",
        "BMQ-PUT-3",
    ]


def test_a_number_is_given_once():
    case("BMQ-SELFTEST-1", statement="s", expectation="e")(lambda: None)
    with pytest.raises(AssertionError, match=r"BMQ-SELFTEST-1 is used in .* and in "):

        @case("BMQ-SELFTEST-1", statement="s", expectation="e")
        def test_other():
            pass


def test_a_number_of_a_family_is_given_once():
    with pytest.raises(AssertionError, match="BMQ-SELFTEST-2 is used in"):

        @case_family("value", [(info("BMQ-SELFTEST-2"), 1), (info("BMQ-SELFTEST-2"), 2)])
        def test_family():
            pass


@pytest.mark.parametrize("case_id", ["BMQ-PUT-0", "BMQ-put-1", "PUT-1", "BMQ-PUT-01", "BMQ-PUT-1x"])
def test_ids_have_one_form(case_id):
    with pytest.raises(AssertionError, match="is not of the form"):
        info(case_id)


@pytest.mark.parametrize("missing", ["title", "statement", "expectation"])
def test_texts_are_not_empty(missing):
    texts: dict[str, Any] = {"title": "t", "statement": "s", "expectation": "e", missing: " "}
    with pytest.raises(AssertionError, match=f"{missing} is empty"):
        CaseInfo(id="BMQ-SELFTEST-3", **texts)
