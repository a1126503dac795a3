"""Queue URIs against the recorded answers of the peer's parser."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reference_broker.base import limits
from reference_broker.base.errors import PeerError
from reference_broker.base.uri import URI_CHARS_MAX, URI_TOO_LONG, QueueUri, UriError

ORACLE = Path(__file__).with_name("ref_uri_parse.txt")
LINE = re.compile(
    r"(?P<uri>.*?) *(?:"
    r"ok domain='(?P<domain>.*)' tier='(?P<tier>.*)' qualified='(?P<qualified>.*)'"
    r" queue='(?P<queue>.*)' id='(?P<id>.*)' canonical='(?P<canonical>.*)'"
    r"|rc=(?P<code>-\d) '(?P<text>.*)')"
)

NAMES = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=20)
TIERS = st.text(string.ascii_letters + string.digits + "-", max_size=20)
QUEUES = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=64)


def oracle() -> list[dict[str, str | None]]:
    lines = ORACLE.read_text("ascii").splitlines()[1:]
    matches = [LINE.fullmatch(line) for line in lines]
    assert all(matches), lines
    return [match.groupdict() for match in matches if match]


def test_the_oracle_is_whole():
    assert len(oracle()) == 37


@pytest.mark.parametrize("line", oracle(), ids=lambda line: line["uri"] or "(empty)")
def test_the_peers_answer(line):
    if line["code"] is None:
        uri = QueueUri.parse(line["uri"])
        assert uri == QueueUri(line["domain"], line["tier"], line["queue"], line["id"])
        assert uri.qualified_domain == line["qualified"]
        assert uri.canonical == line["canonical"]
        assert str(uri) == line["uri"]
    else:
        with pytest.raises(UriError) as caught:
            QueueUri.parse(line["uri"])
        assert (caught.value.code, str(caught.value)) == (int(line["code"]), line["text"])


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("bmq://", -4, "Missing domain"),
        ("bmq://d.~", -6, "Empty tier"),
        ("bmq://d.~t", -5, "Missing queue"),
        ("bmq://d.~t/", -5, "Missing queue"),
        ("bmq://d/?id=a", -5, "Missing queue"),
        ("bmq://.~", -4, "Missing domain"),
        ("bmq://.", -5, "Missing queue"),
        ("bmq://d/q?id", -3, "Query parsing failed: no separator found"),
        ("bmq://d/q?=", -3, 'Query parsing failed: missing value after "="'),
        ("bmq://d/q?=a", -3, 'Query parsing failed: unsupported query ""'),
        ("bmq://d/q?id=a=b", -2, "Query parsing failed: unsupported char (int)61"),
        ("bmq://d/q\n", -2, "Path parsing failed: unsupported char (int)10"),
        ("bmq://d/q?id=&a", -2, "Query parsing failed: unsupported char (int)38"),
        ("bmq://d/q\x7f", -2, "Path parsing failed: unsupported char (int)127"),
        ("bmq://d/q\0", -2, "Path parsing failed: unsupported char (int)0"),
        ("bmq://dé/q", -2, "Domain parsing failed: unsupported char (int)-61"),
        ("bmq://d/\ud800", -2, "Path parsing failed: unsupported char (int)-19"),
        ("bmq://d/" + "q" * 65 + "?x=1", -3, 'Query parsing failed: unsupported query "x"'),
        ("bmq://d/" + "q" * 65 + "?id=a", -7, "Queue name exceeds 64 characters"),
    ],
    ids=ascii,
)
def test_the_order_of_the_checks(text, code, message):
    with pytest.raises(UriError) as caught:
        QueueUri.parse(text)
    assert (caught.value.code, str(caught.value)) == (code, message)


@pytest.mark.parametrize(("length", "is_accepted"), [(63, True), (64, True), (65, False)])
def test_the_limit_of_the_queue_name(length, is_accepted):
    assert limits.QUEUE_NAME_CHARS_MAX == 64
    text = f"bmq://d/{'q' * length}?id=a"
    if is_accepted:
        assert QueueUri.parse(text).queue == "q" * length
    else:
        with pytest.raises(UriError, match="exceeds 64"):
            QueueUri.parse(text)


@pytest.mark.parametrize("surplus", [-1, 0, 1])
def test_the_limit_of_the_whole(surplus):
    text = "bmq://d/q?id=".ljust(URI_CHARS_MAX + surplus, "a")
    if surplus <= 0:
        assert str(QueueUri.parse(text)) == text
    else:
        with pytest.raises(UriError, match="URI exceeds 4096 characters") as caught:
            QueueUri.parse(text)
        assert caught.value.code == URI_TOO_LONG == -8


@given(NAMES, TIERS, QUEUES, st.just("") | NAMES)
def test_parse_undoes_str(domain, tier, queue, app_id):
    uri = QueueUri(domain, tier, queue, app_id)
    assert QueueUri.parse(str(uri)) == uri
    assert QueueUri.parse(uri.canonical) == QueueUri(domain, tier, queue, "")


def test_the_same_queue_in_another_domain():
    uri = QueueUri.parse("bmq://d.~tier/q?id=app")
    assert str(uri.in_domain("other")) == "bmq://other/q?id=app"
    assert str(QueueUri.parse("bmq://d/q").in_domain("other.~east")) == "bmq://other.~east/q"
    with pytest.raises(UriError, match="Domain parsing failed"):
        uri.in_domain("no domain")


@given(
    st.text()
    | st.text("ab.~/?id=&", max_size=20).map("bmq://".__add__)
    | st.text(max_size=20).map("bmq://d/q?".__add__)
)
@example("bmq://d..~t/q")
def test_any_text_parses_to_itself_or_is_the_peers_fault(text):
    codes = []
    try:
        uri = QueueUri.parse(text)
    except UriError as error:
        codes.append(error.code)
    else:
        assert str(uri) == text
        assert uri.domain
        assert 1 <= len(uri.queue) <= 64
    assert all(-7 <= code <= -1 for code in codes)


def test_a_parse_error_is_the_peers_fault():
    assert issubclass(UriError, PeerError)
