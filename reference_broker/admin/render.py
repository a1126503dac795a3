"""From a result to the text that answers a command."""

from __future__ import annotations

from reference_broker.admin.commands import OutputEncoding
from reference_broker.admin.json_form import compact_json, pretty_json, result_tree
from reference_broker.admin.results import Result
from reference_broker.admin.text import result_text


def render(result: Result, encoding: OutputEncoding) -> str:
    """Return a result in the form that its command asked for [ADMIN-6].

    Args:
        result: what executing the command gave.
        encoding: of the `ParsedCommand`; TEXT where there was none.
    """
    match encoding:
        case OutputEncoding.TEXT:
            return result_text(result)
        case OutputEncoding.JSON_COMPACT:
            return compact_json(result_tree(result))
        case OutputEncoding.JSON_PRETTY:
            return pretty_json(result_tree(result))
