"""The fuzz suite: coverage-guided, in process, with a canary that must crash.

| module                                   | what it is                                          |
|------------------------------------------|-----------------------------------------------------|
| `fuzz_event_reader`, `fuzz_broker_core`  | targets; the first line of each is its invariant    |
| `canary`                                 | a target that must crash, or the harness is blind   |
| `bodies`, `broker_bench`, `pieces`       | what targets are made of                            |
| `registry`                               | the targets, with their seeds                       |
| `seeds`, `corpus/`, `bmq.dict`           | where inputs begin                                  |
| `run_target`, `unguided`                 | the child process that runs one target              |
| `engine`                                 | starts it, reads its statistics, collects crashes   |
| `suite`, `dump`                          | from runs to cases of a report                      |

A target is a module with a plain function `test_one_input(data: bytes) -> None` that knows nothing
of atheris, so tests replay corpora with it and users can run modules of their own.
"""

from __future__ import annotations
