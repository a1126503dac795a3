"""A domain's file is read, or the operator is told which member to mend; nothing else happens.

An input is the content of `domains/fuzz.json`. What must hold is written in `documents`, and:

- limits, times and numbers are in their ranges, and a fanout domain's apps differ;
- an application subscription compiles, or the operator can be told why not.

Accepted rejections: `ConfigError`, and `ExpressionError` for an application subscription.
"""

from __future__ import annotations

from typing import Final

from reference_broker.config import (
    DomainConfig,
    Limits,
    RawConfig,
    Redirect,
    parse_domain,
)
from reference_broker.expr import ExpressionError, compile_expression
from suites.fuzz.oracles.documents import check_document

_FILE: Final = "etc/domains/fuzz.json"
_INT64_MAX: Final = 2**63 - 1


def test_one_input(data: bytes) -> None:
    """Read `data` as a domain's file.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    domain = check_document(data, _FILE, _parse)
    if isinstance(domain, Redirect):
        assert domain.target, "a redirect to nowhere"
    if not isinstance(domain, DomainConfig):
        return
    assert domain.name == "fuzz", domain.name
    assert domain.location, "a domain of no cluster"
    assert len(set(domain.app_ids)) == len(domain.app_ids), f"twice the same: {domain.app_ids}"
    for limits in (domain.queue_limits, domain.domain_limits):
        _check_limits(limits)
    for subscription in domain.subscriptions:
        try:
            compile_expression(subscription.text)
        except ExpressionError as error:
            str(error).encode()


def _parse(raw: RawConfig) -> DomainConfig | Redirect:
    return parse_domain("fuzz", raw)


def _check_limits(limits: Limits) -> None:
    for count in (limits.messages, limits.bytes):
        assert 0 <= count <= _INT64_MAX, limits
    for ratio in (limits.messages_watermark_ratio, limits.bytes_watermark_ratio):
        assert 0 <= ratio <= 1, limits
