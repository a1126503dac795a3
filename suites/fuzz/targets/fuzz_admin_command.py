"""An admin command says the same in words and in JSON, or is refused with a CommandError.

An input is the text of a command, as it comes in BER: octets that are not UTF-8 are kept. For any
text:

- it is a command or refused, every time the same;
- a command, written in JSON from its value alone, is the same command, and so it is in words, if
  they can say it;
- blanks between words do not matter;
- the answer to what is refused is Unicode that is not much longer than the text.

Accepted rejections: `CommandError`.
"""

from __future__ import annotations

from typing import Final

from reference_broker.admin import CommandError, ParsedCommand, decode_error_text, parse_command
from suites.fuzz.oracles.admin_forms import in_json, in_words

_ANSWER_CHARS_MAX: Final = 1_000
# An octet that is no UTF-8 is a character here and six in an answer that shows it.
_ANSWER_FACTOR_MAX: Final = 6


def test_one_input(data: bytes) -> None:
    """Parse `data` as a command.

    Raises:
        Exception: a statement above does not hold, or something unexpected was raised.
    """
    text = data.decode("utf-8", "surrogateescape")
    try:
        parsed = parse_command(text)
    except CommandError as error:
        _check_refusal(error, text)
        return
    _check_form(text, parsed)
    _check_form(in_json(parsed), parsed)
    words = in_words(parsed)
    if words is not None:
        _check_form(words, parsed)
        _check_form(words.replace(" ", "  ") + " ", parsed)


def _check_form(text: str, parsed: ParsedCommand) -> None:
    again = parse_command(text)
    assert again == parsed, f"{parsed}, but {again} for {text!r}"


def _check_refusal(error: CommandError, text: str) -> None:
    answer = decode_error_text(str(error))
    most = _ANSWER_FACTOR_MAX * len(text) + _ANSWER_CHARS_MAX
    assert 0 < len(answer) <= most, f"{len(answer)} characters for {len(text)}: {answer}"
    answer.encode()
