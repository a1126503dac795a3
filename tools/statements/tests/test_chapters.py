"""Statements are read as `docs/protocol/README.md` says that they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from reference_broker.base import OperatorError
from tools.statements.chapters import Statement, cited_ids, parse_chapter, read_chapters

CHAPTER = """\
# A chapter

**A-1** One promise,
on two lines.
Still the same.

Text without an id, which names **A-9** and [A-1, B-2] in passing.

- **A-2** An item.
- **A-3** Another one. (not seen from outside: nobody
  waits that long)

```
**A-4** an example of form, [C-1]
```

**A-12** The last.
"""


def test_paragraphs_and_items_are_statements() -> None:
    chapter = parse_chapter("a.md", CHAPTER)
    assert chapter.statements == (
        Statement("A-1", "One promise, on two lines. Still the same."),
        Statement("A-2", "An item."),
        Statement("A-3", "Another one.", "nobody waits that long"),
        Statement("A-12", "The last."),
    )
    assert {statement.area for statement in chapter.statements} == {"A"}


def test_what_a_chapter_names_is_known_outside_of_examples() -> None:
    assert parse_chapter("a.md", CHAPTER).cited == ("A-1", "B-2")


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("[FRAME-3]", ["FRAME-3"]),
        ("[FRAME-3, PUT-7] and [A-1]", ["FRAME-3", "PUT-7", "A-1"]),
        ("[FRAME-3,\n    PUT-7]", ["FRAME-3", "PUT-7"]),
        ("FRAME-3, [frame-3], [FRAME-0], [FRAME], [x-1], list[A]", []),
    ],
)
def test_citations(text: str, ids: list[str]) -> None:
    assert cited_ids(text) == ids


def test_the_overview_is_no_chapter(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("**B-1** So it is.\n")
    (tmp_path / "a.md").write_text("**A-1** So it is.\n")
    (tmp_path / "README.md").write_text("**C-1** So it is.\n")
    assert [chapter.name for chapter in read_chapters(tmp_path)] == ["a.md", "b.md"]


def test_a_folder_without_chapters_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="has no chapters"):
        read_chapters(tmp_path)
