"""`python -m tools.statements`: what of `docs/protocol` is enforced by code and proved by cases.

`docs/protocol/README.md` says how statements, citations and proofs are written. This prints the
coverage of each chapter, and what is forbidden:

| finding        | what it means                                                                |
|----------------|------------------------------------------------------------------------------|
| `form`         | an id is used twice, or an area is in two chapters                           |
| `unknown-id`   | code, a case or a chapter names an id that no chapter has                    |
| `not-enforced` | no code cites the statement                                                  |
| `not-proved`   | no case proves it, and it does not say why                                   |
| `stale-excuse` | it says why no case can prove it, and a case does                            |
| `share`        | less than 95 % of the statements are proved                                  |

Exit codes: 0 nothing is forbidden, 1 something is, 2 could not run.
"""

from __future__ import annotations

from tools.statements.chapters import Chapter, Statement, read_chapters
from tools.statements.citations import read_citations
from tools.statements.coverage import SHARE_PROVED_MIN, Coverage

__all__ = [
    "SHARE_PROVED_MIN",
    "Chapter",
    "Coverage",
    "Statement",
    "read_chapters",
    "read_citations",
]
