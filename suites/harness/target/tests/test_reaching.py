"""What is wrong with whoever listens at an address."""

from __future__ import annotations

import time

import pytest

from reference_broker.wire.control import StatusCategory
from suites.harness.target import Target, TargetError, TargetSpec, free_port
from suites.harness.target.reaching import find_trouble
from suites.harness.target.tests.peers import GARBAGE, listener, refusal, welcome

LIMIT_S = 0.2


@pytest.mark.parametrize(
    ("answer", "closes", "text", "may_pass"),
    [
        (b"", True, "closes connections instead of answering", True),
        (b"", False, "accepts connections and never answers", True),
        (GARBAGE, False, "is not of the protocol", False),
        (welcome(), False, "gives sessions, and answers nothing in them", True),
        (welcome(StatusCategory.E_REFUSED, "no"), False, "refuses sessions: no", False),
        (welcome()[:20], False, "never answers", True),
    ],
)
def test_troubles(answer: bytes, closes: bool, text: str, may_pass: bool):
    with listener(answer, closes=closes) as port:
        started = time.monotonic()
        trouble = find_trouble("127.0.0.1", port, LIMIT_S, is_guarded=False)
        assert time.monotonic() - started < LIMIT_S + 1
    assert trouble is not None
    assert text in trouble.text
    assert trouble.may_pass is may_pass


def test_nobody_listens():
    port = free_port()
    trouble = find_trouble("127.0.0.1", port, LIMIT_S, is_guarded=False)
    assert trouble is not None
    assert f"nobody listens at 127.0.0.1:{port} (Connection refused)" in trouble.text


def test_a_domain_that_a_broker_lacks_is_a_matter_of_its_setup():
    with listener(welcome() + refusal(1, "Domain 'x' doesn't exist"), closes=False) as port:
        trouble = find_trouble("127.0.0.1", port, LIMIT_S, is_guarded=False, domain="x")
    assert trouble is not None
    assert trouble.is_setup
    assert not trouble.may_pass
    assert "the domain x, and does not open it: E_UNKNOWN Domain 'x' doesn't" in trouble.text


def test_a_broker_that_opens_no_queue_and_says_nothing():
    with listener(welcome(), closes=False) as port:
        trouble = find_trouble("127.0.0.1", port, LIMIT_S, is_guarded=False, domain="x")
    assert trouble is not None
    assert "answers nothing" in trouble.text
    assert not trouble.is_setup


def test_a_connection_must_do_where_strangers_are_kept_out():
    with listener(b"", closes=False) as port:
        assert find_trouble("127.0.0.1", port, LIMIT_S, is_guarded=True) is None


@pytest.mark.parametrize("answer", [b"", GARBAGE], ids=["stalls", "garbage"])
def test_an_external_target_that_is_no_broker_is_an_error_within_its_time(answer: bytes):
    with listener(answer, closes=False) as port:
        spec = TargetSpec.parse(f"external:127.0.0.1:{port}")
        started = time.monotonic()
        with (
            pytest.raises(TargetError, match=r"no broker answers at tcp://127\.0\.0\.1:"),
            Target(spec, patience_s=LIMIT_S),
        ):
            pass
        assert time.monotonic() - started < LIMIT_S + 1
