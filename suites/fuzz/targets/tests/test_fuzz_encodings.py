from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from reference_broker.base import WireError
from reference_broker.wire.control import (
    AuthenticationMessage,
    AuthenticationRequest,
    Encoding,
    encode_message,
)
from suites.fuzz.targets import fuzz_encodings
from suites.fuzz.tests.planting import (
    Function,
    found_out_by,
    plant,
    raising,
    replaced,
    seeds_of,
    sometimes,
)


def third(function: Function, change: Function) -> Function:
    """Change every third result, which is that of the way back."""
    calls = count(1)

    def called(*args: object) -> object:
        result = function(*args)
        return change(result) if next(calls) % 3 == 0 else result

    return called


SEEDS = seeds_of("FUZZ-ENCODINGS")
DEFECTS: dict[str, tuple[object, str, Function, object]] = {
    "always the default": (
        fuzz_encodings,
        "decode_message",
        sometimes,
        lambda message: type(message)(),
    ),
    "another on the way back": (
        fuzz_encodings,
        "decode_message",
        third,
        lambda message: type(message)(),
    ),
    "untyped": (fuzz_encodings, "decode_message", replaced, raising(KeyError("rId"))),
    "refused outside": (
        fuzz_encodings,
        "decode_message",
        replaced,
        raising(WireError("field", 1, "rule", 10_000)),
    ),
}


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_encodings.test_one_input(SEEDS[name])


@for_any(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_encodings.test_one_input(data)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_out(monkeypatch, defect):
    plant(monkeypatch, *defect)
    assert found_out_by(fuzz_encodings.test_one_input, SEEDS)


def test_what_json_cannot_carry_arrives_as_question_marks(monkeypatch):
    request = AuthenticationRequest(mechanism="a\udcffb")
    data = bytes([2]) + encode_message(AuthenticationMessage(choice=request), Encoding.BER)
    fuzz_encodings.test_one_input(data)
    monkeypatch.setattr(fuzz_encodings, "_told", lambda message: message)
    with pytest.raises(AssertionError, match=r"a\?b"):
        fuzz_encodings.test_one_input(data)
