"""From the text of an expression to its tokens.

| token    | text                                                                      |
|----------|---------------------------------------------------------------------------|
| property | a letter, then letters, digits, `_` and `.`                               |
| integer  | `-?[0-9]+`, so `i-1` is a property and the integer -1; overflow beyond i64 |
| string   | in double quotes; a backslash and the character behind it both stay       |
| words    | `true`, `false`, `exists`                                                 |
| symbols  | `( ) ! ~ * / % + - < <= >= > == != && ||`                                 |

Space, tab and newline separate tokens. Anything else is an invalid character, which becomes a token
too: the parser reports what it meets first.

Peer: bmqeval_simpleevaluatorscanner.l.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1

_TOKEN: Final = re.compile(
    rb"""
      (?P<blank>   [ \t\n] )
    | (?P<word>    [A-Za-z][A-Za-z0-9_.]* )
    | (?P<integer> -?[0-9]+ )
    | (?P<string>  "(?:[^"\\\0]|\\[^\n\0])*" )
    | (?P<symbol>  && | \|\| | [=!<>]= | [-+*/%<>!~()] )
    | (?P<invalid> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS: Final = frozenset({"true", "false", "exists"})


class Token(NamedTuple):
    """One token.

    Attributes:
        kind: a symbol or word as it is written (`!` for `~`, too), or `property`, `integer`,
            `string`, `overflow`, `invalid character`, `end of expression`.
        text: its bytes; a string's quotes included.
        position: its offset in the text, in bytes. The end is where the token or blank before it
            is, as in the peer's messages.
    """

    kind: str
    text: bytes
    position: int


def tokens_of(text: bytes) -> list[Token]:
    """Return the tokens of a text; the last one, and no other, is the end."""
    tokens: list[Token] = []
    position = 0
    for match in _TOKEN.finditer(text):
        position = match.start()
        kind = _kind(match)
        if kind:
            tokens.append(Token(kind, match.group(), position))
    tokens.append(Token("end of expression", b"", position))
    return tokens


def _kind(match: re.Match[bytes]) -> str:
    """Return the kind of a token, or nothing for a blank.

    A minus right before digits is part of them [EXPR-3]; too large an integer is none [EXPR-4].
    Words are told from names in their own case [EXPR-26], and escapes stay in strings [EXPR-25].
    """
    match match.lastgroup:
        case "blank":
            return ""
        case "word":
            word = match.group().decode("ascii")
            return word if word in _WORDS else "property"
        case "integer":
            return "integer" if INT64_MIN <= int(match.group()) <= INT64_MAX else "overflow"
        case "string":
            return "string"
        case "symbol":
            symbol = match.group().decode("ascii")
            return "!" if symbol == "~" else symbol
        case _:
            return "invalid character"
