from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from reference_broker.admin import OutputEncoding
from suites.fuzz.targets import fuzz_admin_command
from suites.fuzz.tests.planting import (
    changed,
    found_out_by,
    plant,
    raising,
    replaced,
    seeds_of,
    sometimes,
)

SEEDS = seeds_of("FUZZ-ADMIN-COMMAND")
DEFECTS = {
    "another command in JSON": (
        fuzz_admin_command,
        "in_json",
        changed,
        lambda text: text.replace("d", "e"),
    ),
    "another command in words": (
        fuzz_admin_command,
        "in_words",
        changed,
        lambda text: text and text.replace("PURGE", "INFOS"),
    ),
    "forgets the encoding": (
        fuzz_admin_command,
        "parse_command",
        sometimes,
        lambda parsed: replace(parsed, encoding=OutputEncoding.JSON_COMPACT),
    ),
    "untyped": (fuzz_admin_command, "parse_command", replaced, raising(KeyError("help"))),
    "an endless answer": (fuzz_admin_command, "decode_error_text", changed, lambda text: text * 99),
    "an answer that cannot be sent": (
        fuzz_admin_command,
        "decode_error_text",
        changed,
        lambda text: text + "\udcff",
    ),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_admin_command.test_one_input(SEEDS[name])


@for_any(st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes(data):
    fuzz_admin_command.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_admin_command.test_one_input, SEEDS)
