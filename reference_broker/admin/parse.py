"""From the text of an admin command to its value, in words or in JSON."""

from __future__ import annotations

from typing import Final

from reference_broker.admin.commands import CommandError, ParsedCommand, is_unicode
from reference_broker.admin.json_commands import parse_json
from reference_broker.admin.words import parse_words
from reference_broker.base.limits import ADMIN_COMMAND_CHARS_MAX

# Rendered into the answer of a command that was not understood; the peer gives no other code.
_REFUSED: Final = -1


def parse_command(text: str) -> ParsedCommand:
    """Return the command that a text says.

    Args:
        text: words separated by blanks, or one JSON object if it begins with `{`.

    Raises:
        CommandError: it says none. The reason has the peer's words wherever the peer has some; too
            long a text or name, and a text that is not Unicode, have ours.
    """
    if not text:
        raise CommandError("Empty input")
    if len(text) > ADMIN_COMMAND_CHARS_MAX:
        raise CommandError(
            f"Command has {len(text)} characters, at most {ADMIN_COMMAND_CHARS_MAX} are allowed"
        )
    if not is_unicode(text):
        raise CommandError("Command is not valid UTF-8")
    return parse_json(text) if text.startswith("{") else parse_words(text)


def decode_error_text(reason: str) -> str:
    """Return the answer to a text that is no command [ADMIN-8].

    Args:
        reason: what the `CommandError` says.
    """
    return f"Unable to decode command (rc: {_REFUSED}, error: '{reason}')"
