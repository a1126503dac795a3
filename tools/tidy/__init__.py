"""`python -m tools.tidy`: the house rules that no linter at hand can hold.

| rule              | what it asks                                                              |
|-------------------|---------------------------------------------------------------------------|
| `function-length` | a function has at most 70 lines, its docstring included                   |
| `module-length`   | a module has at most 600 lines                                            |
| `future-import`   | `from __future__ import annotations` comes first after the docstring      |
| `docstring`       | a module says what it is; one of tests does so by its name                |
| `slots`           | a dataclass has `slots=True`                                              |
| `skip-reason`     | a test that is skipped, or expected to fail, says why                     |
| `sleep`           | nobody sleeps; waits are for a condition (a sleep of literal 0 may stay)  |
| `pure-async`      | no coroutine in a pure room                                               |
| `pure-state`      | no mutable state of a module in a pure room, unless it is `Final`         |
| `package-marker`  | a folder with modules has an `__init__.py`                                |
| `unwanted-file`   | no keys, logs, compiled or huge files                                     |
| `registry-host`   | no host of a package registry: whoever installs has chosen one            |
| `machine-path`    | no path of the machine that it was written on                             |
| `marker-word`     | no notes to oneself; a known gap is in the docs or an issue               |
| `doubled-word`    | no word twice in a row in comments, docstrings and Markdown               |
| `stale-exemption` | an exemption that nothing needs any more goes                             |

Exemptions are in `exemptions`, each with its reason. Exit codes: 0 tidy, 1 findings, 2 could not
run.
"""

from __future__ import annotations

from tools.tidy.check import find_all
from tools.tidy.tree import Finding, read_tree

__all__ = ["Finding", "find_all", "read_tree"]
