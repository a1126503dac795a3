"""`docs/defects.md`: the catalogue of seeded defects with what turns red, and what nothing does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from suites.harness.defects import Defect
from suites.integration.kills import Kill

_FIRST_SHOWN: Final = 3
_HEAD: Final = """# Seeded defects

`python -m tools.score` writes this page. Each defect is a named change of the reference broker's
behaviour (`--break NAME`, see decision [0003](decisions/0003-defects-outside.md)); the integration suite
was run against each, and what turned red is counted here. `suites/integration/kills.json` has all ids,
and a test runs the quickest cases of each defect again.

A run takes the areas of the suite in which the defect should show, and others as far as somebody asked
for them (`--area`, `--all`); so a number is what is proved, and the whole suite may see more. Seconds
are those of the quickest case.
"""


def page(
    defects: Mapping[str, Defect],
    kills: Mapping[str, Kill],
    unkilled: Sequence[str],
    spared: Mapping[str, str],
) -> str:
    """Return the page.

    Args:
        defects: the catalogue.
        kills: what was measured, by defect.
        unkilled: ids of the cases that no defect turns red.
        spared: why some of them are content with that.
    """
    lines = [_HEAD, *_totals(defects, kills)]
    for room in dict.fromkeys(sorted(defect.room for defect in defects.values())):
        lines += [
            f"\n## {room}\n",
            "| defect | what it does | red | first | s |",
            "|---|---|--:|---|--:|",
        ]
        for name, defect in defects.items():
            if defect.room == room:
                lines.append(_row(name, defect, kills.get(name)))
    lines += ["\n## Cases that no defect turns red\n"]
    lines += [f"- {case_id}: {spared.get(case_id, 'no reason given')}" for case_id in unkilled]
    lines += [] if unkilled else ["None."]
    return "\n".join(lines) + "\n"


def _totals(defects: Mapping[str, Defect], kills: Mapping[str, Kill]) -> list[str]:
    rooms = Counter(defect.room for defect in defects.values())
    caught = Counter(d.room for n, d in defects.items() if n in kills and kills[n].cases)
    rows = [f"| {room} | {rooms[room]} | {caught[room]} |" for room in sorted(rooms)]
    total = f"| all | {rooms.total()} | {caught.total()} |"
    return ["| room | defects | caught |", "|---|--:|--:|", *rows, total]


def _row(name: str, defect: Defect, kill: Kill | None) -> str:
    if kill is None:
        return f"| `{name}` | {defect.summary} | not measured | | |"
    ids = kill.ids
    first = ", ".join(each.removeprefix("BMQ-") for each in ids[:_FIRST_SHOWN])
    more = ", …" if len(ids) > _FIRST_SHOWN else ""
    return f"| `{name}` | {defect.summary} | {len(ids)} | {first}{more} | {kill.seconds:.1f} |"
