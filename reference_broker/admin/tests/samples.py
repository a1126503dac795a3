"""The peer's recorded commands and answers, and results made of its JSON.

`vectors/ref_*` is what the peer's own parser and printers said to given texts, `vectors/real_*` what
a running broker of one node answered.
"""

from __future__ import annotations

import json
import re
import types
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from reference_broker.admin import Datetime, Result, values
from reference_broker.admin.json_form import CHOICE_NAMES, members
from reference_broker.admin.results import Stats

VECTORS = Path(__file__).with_name("vectors")
KINDS = {name: kind for kind, name in CHOICE_NAMES.items()}
TEXT_PARSERS = {
    "theDate": values.parse_date,
    "theTime": values.parse_time,
    "theDatetime": values.parse_datetime,
}


def parsed_commands() -> list[tuple[str, str]]:
    """Return (command, what the peer's parser made of it)."""
    lines = (VECTORS / "ref_admin_commands_parsed.txt").read_text("utf-8").split("\n")[2:-1]
    cut = [line.rpartition(" | ") for line in lines]
    return [(command, answer) for command, _, answer in cut]


def rendered_results() -> list[tuple[str, str, str, str]]:
    """Return (JSON that the peer was given, and its TEXT, JSON_COMPACT and JSON_PRETTY)."""
    whole = (VECTORS / "ref_admin_results_rendered.txt").read_text("utf-8")
    form = re.compile(
        r"(.*?)\nrc=0 \n--- TEXT\n(.*)\n--- JSON_COMPACT\n(.*?)\n--- JSON_PRETTY\n(.*)\n", re.DOTALL
    )
    found = [form.fullmatch(block) for block in whole.split("### JSON in: ")[1:]]
    return [(match[1], match[2], match[3], match[4]) for match in found if match]


def real_answers() -> dict[str, str]:
    """Return the answers of a running broker, by command."""
    whole = (VECTORS / "real_admin_responses.txt").read_text("utf-8")
    _, *blocks = re.split(r"^### ", whole, flags=re.MULTILINE)
    pairs = [block.split("\n", 1) for block in blocks]
    return {command: answer.removesuffix("\n") for command, answer in pairs}


def result_of(text: str) -> Result:
    """Return the result that a JSON text of the peer says."""
    result: Result = choice(json.loads(text))
    return result


def choice(tree: dict[str, Any]) -> Any:
    ((name, inner),) = tree.items()
    if name == "theNull":
        return None
    if name in TEXT_PARSERS:
        return TEXT_PARSERS[name](inner)
    if name.startswith("the"):
        return inner
    return Stats(inner) if KINDS[name] is Stats else build(KINDS[name], inner)


def build(kind: Any, tree: Any) -> Any:
    """Return the value of a type that plain JSON values say; what is absent is empty or `None`."""
    if get_origin(kind) in {Union, types.UnionType}:
        kind = next(each for each in get_args(kind) if each is not type(None))
    if get_origin(kind) is tuple:
        return tuple(build(get_args(kind)[0], each) for each in tree or ())
    if kind is Datetime:
        return values.parse_datetime(tree)
    if not hasattr(kind, "__dataclass_fields__"):
        return kind(tree)
    hints = get_type_hints(kind)
    made = {}
    names = zip(kind.__dataclass_fields__.values(), named_members(kind), strict=True)
    for field, (name, is_choice) in names:
        hint, inner = hints[field.name], tree.get(name)
        if is_choice:
            made[field.name] = (
                tuple(choice(each) for each in inner or ())
                if get_origin(hint) is tuple
                else choice(inner)
            )
        elif inner is not None or get_origin(hint) is tuple:
            made[field.name] = build(hint, inner)
        else:
            made[field.name] = None
    return kind(**made)


def named_members(kind: Any) -> list[tuple[str, bool]]:
    blank = kind(**dict.fromkeys(kind.__dataclass_fields__))
    return [(name, is_choice) for name, _, is_choice in members(blank)]
