from __future__ import annotations

import pytest

from reference_broker.base import PeerError
from reference_broker.security.verdict import Authentication, Verdict, normalized
from reference_broker.wire.control import StatusCategory

JANE = Authentication("BASIC", "BASIC_USER-jane", is_implicit=False)


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("basic", "BASIC"),
        ("BaSiC", "BASIC"),
        ("", ""),
        ("straße", "STRAßE"),
        ("ba\u017fic", "BA\u017fIC"),  # a long s is no S
        ("x\udcff", "X\udcff"),  # a byte that is no UTF-8
    ],
)
def test_only_the_case_of_ascii_letters_does_not_matter(written, compared):
    assert normalized(written) == compared


def test_a_success_tells_the_lifetime():
    response = Verdict(mechanism="BASIC", principal="p", lifetime_ms=5).response()
    assert (response.status.category, response.status.code) == (StatusCategory.E_SUCCESS, 0)
    assert response.lifetime_ms == 5
    assert Verdict(mechanism="ANONYMOUS", principal="p").response().lifetime_ms is None


def test_a_refusal_tells_code_and_reason_and_no_lifetime():
    response = Verdict(mechanism="BASIC", lifetime_ms=5, code=-7, message="no").response()
    status = response.status
    assert (status.category, status.code, status.message) == (StatusCategory.E_REFUSED, -7, "no")
    assert response.lifetime_ms is None


def test_the_mechanism_must_stay_the_same_but_for_its_case():
    JANE.check_mechanism("basic")
    with pytest.raises(PeerError, match="mechanism mismatch: BASIC before, now TEST"):
        JANE.check_mechanism("TEST")


def test_the_principal_must_stay_the_same():
    same = Verdict(mechanism="BASIC", principal="BASIC_USER-jane", lifetime_ms=5)
    assert JANE.renewed(same) is same
    refused = Verdict(mechanism="BASIC", code=-11, message="wrong")
    assert JANE.renewed(refused) is refused
    other = Verdict(mechanism="BASIC", principal="BASIC_USER-joe", lifetime_ms=5, delay_ms=3)
    assert JANE.renewed(other) == Verdict(
        mechanism="BASIC",
        delay_ms=3,
        code=-1,
        message="Principal cannot change during reauthentication",
    )
