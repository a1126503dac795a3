"""The three schemas against documents that have every member of the peer's."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from reference_broker.config import (
    ConfigError,
    Findings,
    parse_broker,
    parse_clusters,
    parse_domain,
)
from reference_broker.config.broker_file import BrokerFile
from reference_broker.config.cluster_file import ClustersFile
from reference_broker.config.domain_file import DomainFile
from reference_broker.config.reader import pattern_of
from reference_broker.config.tests import peer_files
from reference_broker.config.unhonoured import (
    BROKER_UNHONOURED,
    CLUSTERS_UNHONOURED,
    DOMAIN_UNHONOURED,
    unhonoured_reason,
)


class Kind(NamedTuple):
    document: Callable[[], dict[str, Any]]
    parse: Callable[[Any], Findings]
    schema: type[msgspec.Struct]
    table: Any


KINDS = {
    "domain": Kind(
        peer_files.domain,
        lambda raw: parse_domain("acme.orders", raw),
        DomainFile,
        DOMAIN_UNHONOURED,
    ),
    "broker": Kind(peer_files.broker, parse_broker, BrokerFile, BROKER_UNHONOURED),
    "clusters": Kind(peer_files.clusters, parse_clusters, ClustersFile, CLUSTERS_UNHONOURED),
}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4)
    ),
    max_leaves=12,
)

# Refused in this version, so the documents do not have them.
REFUSED = ("appConfig.authorization.authorizer",)


def refusal(kind: Kind, raw: Any) -> ConfigError | None:
    """Return the error that a document is refused with, if it is. Anything else is a failure."""
    try:
        kind.parse(raw)
    except ConfigError as error:
        return error
    return None


def wrong_for(value: Any) -> Any:
    """Return a value of a type that is wrong wherever `value` is right."""
    match value:
        case bool():
            return "yes"
        case int() | float():
            return "seven"
        case str():
            return 7
        case _:
            return "neither list nor object"


@each_kind
def test_a_document_with_every_member_has_no_unknown_one(kind):
    assert kind.parse(kind.document()).unknown == ()
    assert kind.parse(json.dumps(kind.document()).encode()).unknown == ()


@each_kind
def test_the_document_has_every_member_of_the_schema(kind):
    schema = inspect.type_info(kind.schema)
    shown = peer_files.document_patterns(kind.document())
    choices = tuple(peer_files.choice_patterns(schema))
    missing = {
        pattern
        for pattern in set(peer_files.schema_patterns(schema)) - shown
        if not pattern.startswith(choices) and not pattern.startswith(REFUSED)
    }
    assert missing == set()


@each_kind
def test_the_table_of_unhonoured_members_has_only_members_of_the_schema(kind):
    known = set(peer_files.schema_patterns(inspect.type_info(kind.schema)))
    assert set(kind.table) <= known
    assert all(entry.reason for entry in kind.table.values())


@each_kind
def test_every_unhonoured_member_is_reported_with_its_raw_value_and_reason(kind):
    document = kind.document()
    findings = kind.parse(document)
    raw = {path: value for path, _, value in peer_files.locations(document)}
    assert findings.unhonoured
    for path in findings.unhonoured:
        assert findings.extra[path] == raw[path]
        assert unhonoured_reason(path)


@each_kind
def test_an_unknown_member_is_reported_wherever_it_is(kind):
    document = kind.document()
    reported = 0
    for path, keys, value in peer_files.locations(document):
        if not isinstance(value, dict):
            continue
        changed = peer_files.replaced(document, keys, {**value, "frobnicate": [1]})
        refused = refusal(kind, changed)
        if refused is None:
            findings = kind.parse(changed)
            assert findings.unknown == (f"{path}.frobnicate",)
            assert findings.extra[f"{path}.frobnicate"] == [1]
            reported += 1
        else:
            # Only the members of a choice may not be added to.
            assert refused.path == path
            assert "exactly one member" in refused.rule
    assert reported >= 5


@each_kind
def test_every_value_of_a_wrong_type_is_refused_by_its_path(kind):
    document = kind.document()
    for path, keys, value in peer_files.locations(document):
        wrong = wrong_for(value)
        with pytest.raises(ConfigError) as caught:
            kind.parse(peer_files.replaced(document, keys, wrong))
        assert caught.value.path == path
        assert caught.value.value == wrong
        text = str(caught.value)
        assert text.startswith(f"{path} is ")
        assert (f"'{wrong}'" if isinstance(wrong, str) else str(wrong)) in text
        assert " but must be " in text


@each_kind
def test_null_is_refused_where_the_peer_has_no_absence(kind):
    document = kind.document()
    absent = {
        "definition.parameters.msgGroupIdConfig",
        "definition.parameters.storage.durability",
        "appConfig.stats.plugins[].prometheusSpecific",
        "appConfig.authentication.anonymousCredential",
        "appConfig.authentication.credentialProvider",
        "appConfig.tlsConfig",
    }
    for path, keys, _ in peer_files.locations(document):
        changed = peer_files.replaced(document, keys, None)
        if pattern_of(path) in absent:
            kind.parse(changed)
            continue
        with pytest.raises(ConfigError) as caught:
            kind.parse(changed)
        assert caught.value.path == path
        assert "is null but must be" in str(caught.value)


@each_kind
def test_numbers_and_booleans_may_be_strings(kind):
    document = kind.document()
    quoted = copy.deepcopy(document)
    for _, keys, value in peer_files.locations(document):
        if isinstance(value, (bool, int, float)):
            quoted = peer_files.replaced(quoted, keys, json.dumps(value))
    assert quoted != document
    plain, strings = kind.parse(document), kind.parse(quoted)
    assert dataclasses.replace(strings, extra={}) == dataclasses.replace(plain, extra={})


@each_kind
@given(raw=JSON)
def test_arbitrary_json_is_parsed_or_refused(kind, raw):
    assert "\n" not in str(refusal(kind, raw))


@each_kind
@given(data=st.data())
def test_a_document_with_arbitrary_json_grafted_in_is_parsed_or_refused(kind, data):
    document = kind.document()
    places = [keys for _, keys, _ in peer_files.locations(document)]
    place = data.draw(st.sampled_from(places), "place")
    changed = peer_files.replaced(document, place, data.draw(JSON, "graft"))
    assert "\n" not in str(refusal(kind, changed))
    assert "\n" not in str(refusal(kind, json.dumps(changed).encode()))


@each_kind
@given(raw=st.binary(max_size=60))
def test_arbitrary_bytes_are_refused(kind, raw):
    # None of the documents is as short as that, but for an empty object without clusters.
    assert refusal(kind, raw) is not None or kind.parse(raw) == parse_clusters({})
