"""Queue URIs.

::

    bmq:// domain [ .~ tier ] / queue [ ?id= appId ]

    domain, appId   1 or more of  A-Z a-z 0-9 . _ -
    queue           1 to 64 of    A-Z a-z 0-9 . _ -
    tier            1 or more of  A-Z a-z 0-9 -

The broker sends the text of a parse error back to the client, so the texts and the order of the
checks are the peer's: left to right, and the length of the queue name last of all. An unsupported
character is printed as the signed value of the first byte of its UTF-8 form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from reference_broker.base import limits
from reference_broker.base.errors import PeerError

# What a reader's URI without `?id=` stands for.
DEFAULT_APP_ID: Final = "__default"
# The peer has no such bound. A domain names a file and the queue name is short, so nothing that
# this refuses could be opened; it keeps the texts of errors and the keys of tables small.
URI_CHARS_MAX: Final = 4096

WRONG_SCHEME: Final = -1
UNSUPPORTED_CHAR: Final = -2
BAD_QUERY: Final = -3
MISSING_DOMAIN: Final = -4
MISSING_QUEUE: Final = -5
EMPTY_TIER: Final = -6
QUEUE_NAME_TOO_LONG: Final = -7
# Ours alone.
URI_TOO_LONG: Final = -8

_SCHEME: Final = "bmq://"
_TIER_PREFIX: Final = ".~"
_QUERY_ID: Final = "id"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]*")
_TIER: Final = re.compile(r"[A-Za-z0-9-]*")


class UriError(PeerError):
    """A text that is not a queue URI.

    Args:
        code: the peer's result code, -1 to -7, or `URI_TOO_LONG`.
        text: the peer's text, which is also what `str()` returns.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class QueueUri:
    """A parsed queue URI.

    Args:
        domain: without the tier.
        tier: without `.~`; empty when there is none.
        queue: the queue's name inside the domain, 1 to 64 characters [URI-8].
        app_id: empty when there is no `?id=`.
    """

    domain: str
    tier: str
    queue: str
    app_id: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the parts of a URI; `str()` of the result is `text` again.

        Raises:
            UriError: with the peer's code and text: another scheme [URI-1], no queue [URI-2], too
                long a name [URI-3], or a character out of place [URI-4].
        """
        if len(text) > URI_CHARS_MAX:
            raise UriError(URI_TOO_LONG, f"URI exceeds {URI_CHARS_MAX} characters")
        if not text.startswith(_SCHEME):
            raise UriError(WRONG_SCHEME, f'Invalid scheme: uri must start with "{_SCHEME}"')
        domain, tier, slash = _parse_authority(text, len(_SCHEME))
        queue_end = _span(_NAME, text, slash + 1)
        if queue_end < len(text) and text[queue_end] != "?":
            raise _unsupported("Path", text[queue_end])
        queue = text[slash + 1 : queue_end]
        if not queue:
            raise _missing_queue()
        app_id = _parse_query(text[queue_end + 1 :]) if queue_end < len(text) else ""
        if len(queue) > limits.QUEUE_NAME_CHARS_MAX:
            raise UriError(
                QUEUE_NAME_TOO_LONG,
                f"Queue name exceeds {limits.QUEUE_NAME_CHARS_MAX} characters",
            )
        return cls(domain, tier, queue, app_id)

    @property
    def qualified_domain(self) -> str:
        """The domain with its tier: the name under which a domain is configured [URI-9]."""
        return f"{self.domain}{_TIER_PREFIX}{self.tier}" if self.tier else self.domain

    @property
    def canonical(self) -> str:
        """The URI without `?id=`: the name of the queue that all its apps share."""
        return f"{_SCHEME}{self.qualified_domain}/{self.queue}"

    def in_domain(self, qualified_domain: str) -> Self:
        """Return the queue of the same name, for the same app, in another domain.

        Raises:
            UriError: a URI cannot have such a domain.
        """
        query = f"?{_QUERY_ID}={self.app_id}" if self.app_id else ""
        return type(self).parse(f"{_SCHEME}{qualified_domain}/{self.queue}{query}")

    def __str__(self) -> str:
        return f"{self.canonical}?{_QUERY_ID}={self.app_id}" if self.app_id else self.canonical


def _parse_authority(text: str, start: int) -> tuple[str, str, int]:
    """Return domain, tier and the index of the slash after them."""
    end = _span(_NAME, text, start)
    if end > start and text.startswith(_TIER_PREFIX, end - 1):
        if end - 1 == start:
            raise _missing_domain()
        return text[start : end - 1], *_parse_tier(text, end + 1)
    if end == len(text):
        raise _missing_domain() if end == start else _missing_queue()
    if text[end] != "/":
        raise _unsupported("Domain", text[end])
    if end == start:
        raise _missing_domain()
    return text[start:end], "", end


def _parse_tier(text: str, start: int) -> tuple[str, int]:
    end = _span(_TIER, text, start)
    if end < len(text) and text[end] != "/":
        raise _unsupported("Tier", text[end])
    if end == start:
        raise UriError(EMPTY_TIER, "Empty tier")
    if end == len(text):
        raise _missing_queue()
    return text[start:end], end


def _parse_query(query: str) -> str:
    """Return the app id of what follows the question mark."""
    key, separator, value = query.partition("=")
    if not separator:
        raise UriError(BAD_QUERY, "Query parsing failed: no separator found")
    if not value:
        raise UriError(BAD_QUERY, 'Query parsing failed: missing value after "="')
    if key != _QUERY_ID:
        raise UriError(BAD_QUERY, f'Query parsing failed: unsupported query "{key}"')
    end = _span(_NAME, value, 0)
    if end < len(value):
        raise _unsupported("Query", value[end])
    return value


def _span(allowed: re.Pattern[str], text: str, start: int) -> int:
    """Return the index of the first character from `start` on that is not allowed."""
    match = allowed.match(text, start)
    assert match is not None, "the pattern matches the empty string"
    return match.end()


def _unsupported(part: str, char: str) -> UriError:
    byte = char.encode("utf-8", "surrogatepass")[0]
    signed = byte - 256 if byte > 127 else byte
    return UriError(UNSUPPORTED_CHAR, f"{part} parsing failed: unsupported char (int){signed}")


def _missing_domain() -> UriError:
    return UriError(MISSING_DOMAIN, "Missing domain")


def _missing_queue() -> UriError:
    return UriError(MISSING_QUEUE, "Missing queue")
