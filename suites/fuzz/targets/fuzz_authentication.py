"""Whoever authenticates is let in by the right credentials only, and is always answered.

The first byte of an input says in which encoding the rest is (bit 0: BER, or with the bit JSON) and
who decides (bit 1: nobody in particular, or with the bit users with passwords). The rest is the
payload of an AUTHENTICATION event. Whatever is in it:

- a password opens exactly when it is the user's, a mechanism that is not there never;
- who is let in has a name, and who is not learns why;
- the letters' case in a mechanism's name does not matter;
- authenticating again makes nobody somebody else;
- the answer can be sent and read.

Accepted rejections: `WireError` of the decoder, `PeerError` for another mechanism than before.
"""

from __future__ import annotations

from typing import Final

from reference_broker.base import PeerError
from reference_broker.config import AuthenticationConfig, PluginConfig
from reference_broker.security import Authentication, Authenticators, Verdict
from reference_broker.wire.control import (
    AuthenticationMessage,
    AuthenticationRequest,
    Encoding,
    decode_message,
    encode_message,
)
from suites.fuzz.oracles.bodies import check_message

#: Bytes in front of the payload.
PREFIX_BYTES: Final = 1
#: Who may come in, and with what.
CREDENTIALS: Final = {"user": "secret", "empty": "", "odd": "a:b"}

_OPEN: Final = Authenticators.from_config(AuthenticationConfig())
_GUARDED: Final = Authenticators.from_config(
    AuthenticationConfig(
        authenticators=(
            PluginConfig(name="BasicAuthenticator", settings=tuple(CREDENTIALS.items())),
            PluginConfig(name="TestAuthenticator", settings=(("sleepTimeMs", 5),)),
        ),
        disallows_anonymous=True,
    )
)
GUARDS_BIT: Final = 2
_JSON_BIT: Final = 1
_OPEN_MECHANISM: Final = b"ANONYMOUS"
_PASSWORD_MECHANISM: Final = b"BASIC"
_TEST_MECHANISM: Final = b"TEST"


def test_one_input(data: bytes) -> None:
    """Let a client authenticate, and do so again.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    if not data:
        return
    encoding = Encoding(data[0] & _JSON_BIT)
    message = check_message(AuthenticationMessage, encoding, data[PREFIX_BYTES:])
    if message is None or not isinstance(message.choice, AuthenticationRequest):
        return
    request = message.choice
    is_guarded = bool(data[0] & GUARDS_BIT)
    judges = _GUARDED if is_guarded else _OPEN
    verdict = judges.judge(request.mechanism, request.data or b"")
    expected = _is_right(request, is_guarded=is_guarded)
    assert verdict.is_accepted == expected, f"{verdict} on {request}"
    assert bool(verdict.principal) == expected, f"{verdict} on {request}"
    assert bool(verdict.message) != expected, f"{verdict} on {request}"
    swapped = _octets(request.mechanism).swapcase().decode("utf-8", "surrogateescape")
    other = judges.judge(swapped, request.data or b"")
    assert other == verdict, f"{verdict} on {request}, but {other} for {swapped!r}"
    _check_renewal(request, verdict)
    _check_answer(verdict)


def _is_right(request: AuthenticationRequest, *, is_guarded: bool) -> bool:
    """Tell whether a request is to be granted, by a list of all that is right."""
    mechanism = _octets(request.mechanism).upper()
    if not is_guarded:
        return mechanism == _OPEN_MECHANISM
    right = [f"{user}:{password}".encode() for user, password in CREDENTIALS.items()]
    is_known = mechanism == _PASSWORD_MECHANISM and request.data in right
    return is_known or mechanism == _TEST_MECHANISM


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _check_renewal(request: AuthenticationRequest, verdict: Verdict) -> None:
    """Authenticate as somebody who was let in before, with a password."""
    before = Authentication("BASIC", "BASIC_USER-user", is_implicit=False)
    try:
        before.check_mechanism(request.mechanism)
    except PeerError:
        assert _octets(request.mechanism).upper() != _PASSWORD_MECHANISM, request
        return
    renewed = before.renewed(verdict)
    assert not renewed.is_accepted or renewed.principal == before.principal, renewed
    assert verdict.is_accepted or renewed == verdict, f"{verdict} became {renewed}"


def _check_answer(verdict: Verdict) -> None:
    answer = AuthenticationMessage(choice=verdict.response())
    for encoding in Encoding if verdict.message.isascii() else (Encoding.BER,):
        written = encode_message(answer, encoding)
        read = decode_message(AuthenticationMessage, encoding, written)
        assert read == answer, f"{answer} is written as {written.hex()} and reads {read}"
