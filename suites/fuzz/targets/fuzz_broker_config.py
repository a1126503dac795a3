"""A broker's file is read, or the operator is told which member to mend; nothing else happens.

An input is the content of `bmqbrkrcfg.json`. What must hold is written in `documents`, and:

- there is somewhere to listen, on ports that exist;
- who is let in can be decided by what the file says, or the operator is told why not.

Accepted rejections: `ConfigError`, and `OperatorError` for authenticators.
"""

from __future__ import annotations

from typing import Final

from reference_broker.base import OperatorError
from reference_broker.config import parse_broker
from reference_broker.security import Authenticators
from suites.fuzz.oracles.documents import check_document, check_operator_error

_FILE: Final = "etc/bmqbrkrcfg.json"
_PORT_MAX: Final = 65_535


def test_one_input(data: bytes) -> None:
    """Read `data` as the broker's file.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    broker = check_document(data, _FILE, parse_broker)
    if broker is None:
        return
    ports = [listener.port for listener in broker.tcp.listeners]
    assert ports, f"nowhere to listen: {broker.tcp}"
    assert all(0 <= port <= _PORT_MAX for port in ports), broker.tcp
    try:
        authenticators = Authenticators.from_config(broker.authentication)
    except OperatorError as error:
        check_operator_error(error, len(data))
        return
    verdict = authenticators.judge_stranger()
    is_turned_away = broker.authentication.disallows_anonymous
    assert (verdict is None) == is_turned_away, f"{verdict} on a stranger: {broker.authentication}"
