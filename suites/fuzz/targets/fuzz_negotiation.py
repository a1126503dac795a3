"""An identity is accepted, refused with an answer, or refused without, by rules that are few and firm.

The lowest bit of the first byte of an input says in which encoding the rest is: BER, or with the
bit JSON. The rest is the payload of a client's first event. Whatever it says of the client:

- without an answer go only what is no identity, and clients of an unknown kind;
- a session begins if and only if the answer is a success, and then nothing is closed;
- it begins only for clients and operators whose SDK is not too old;
- the identity that is remembered is the client's own, with a host name;
- the answer can be sent in both encodings and read there, and tells the client's cluster back.

Accepted rejections: `WireError` of the decoder, `PeerError` of the negotiation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from reference_broker.base import PeerError
from reference_broker.session import Acceptance, BrokerFacts, SessionKind, negotiate
from reference_broker.wire import Features
from reference_broker.wire.control import (
    ClientIdentity,
    ClientLanguage,
    ClientType,
    Encoding,
    NegotiationMessage,
    StatusCategory,
    decode_message,
    encode_message,
)
from suites.fuzz.oracles.bodies import check_message

#: Bytes in front of the payload.
PREFIX_BYTES: Final = 1

_PEER: Final = "127.0.0.1:1"
_SESSION_NUMBER: Final = 7
_FACTS: Final = BrokerFacts()
_SERVED: Final = (SessionKind.CLIENT, SessionKind.ADMIN)
#: Versions of SDKs that are too old, as `major * 10000 + minor * 100 + patch`: 1.5.0 and 0.0.2.
_SDK_VERSIONS_MIN: Final = {ClientLanguage.E_CPP: 10500, ClientLanguage.E_JAVA: 2}


def test_one_input(data: bytes) -> None:
    """Let a client say who it is.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    if not data:
        return
    message = check_message(NegotiationMessage, Encoding(data[0] & 1), data[PREFIX_BYTES:])
    if message is None:
        return
    given = message.choice
    try:
        identity, acceptance = negotiate(given, _PEER, _FACTS, _SESSION_NUMBER)
    except PeerError:
        assert not _is_known(given), f"{given} gets no answer"
        return
    assert isinstance(given, ClientIdentity), f"{given} is taken for a client"
    assert _is_known(given), f"{given} is served"
    expected = given if given.host_name else replace(given, host_name=_PEER)
    assert identity == expected, f"{given} became {identity}"
    _check_verdict(identity, acceptance)
    _check_answer(identity, acceptance)
    _check_features(identity.features)


def _is_known(given: object) -> bool:
    return isinstance(given, ClientIdentity) and given.client_type is not ClientType.E_UNKNOWN


def _check_verdict(identity: ClientIdentity, acceptance: Acceptance) -> None:
    category = acceptance.response.result.category
    is_success = category == StatusCategory.E_SUCCESS
    assert acceptance.is_established == is_success, f"{acceptance} of {identity}"
    minimum = _SDK_VERSIONS_MIN.get(identity.sdk_language)
    is_too_old = minimum is not None and identity.sdk_version < minimum
    is_served = acceptance.kind in _SERVED
    assert is_success == (is_served and not is_too_old), f"{acceptance} of {identity}"
    has_reason = bool(acceptance.close_reason)
    assert has_reason == (category == StatusCategory.E_REFUSED), f"{acceptance} of {identity}"


def _check_answer(identity: ClientIdentity, acceptance: Acceptance) -> None:
    answer = NegotiationMessage(choice=acceptance.response)
    told = acceptance.response.broker_identity
    assert told is not None, answer
    assert told.cluster_name == identity.cluster_name, f"{answer} for {identity}"
    is_utf8 = identity.cluster_name.isascii()  # enough, and JSON carries nothing but UTF-8
    for encoding in Encoding if is_utf8 else (Encoding.BER,):
        written = encode_message(answer, encoding)
        read = decode_message(NegotiationMessage, encoding, written)
        assert read == answer, f"{answer} is written as {written.hex()} and reads {read}"


def _check_features(text: str) -> None:
    features = Features.parse(text)
    count = sum(1 + len(values) for values in features.fields.values())
    assert count <= len(text) + 1, f"{count} features in {len(text)} characters"
    both = features.has("PROTOCOL_ENCODING", "BER") and features.wants_json
    assert not both, f"a client that reads BER is answered in JSON: {text!r}"
