"""The fuzz suite: coverage-guided, in process, with a canary that must crash.

| room or module         | what it is                                                          |
|------------------------|---------------------------------------------------------------------|
| `targets/`             | one target to a file; the first line of each is its invariant       |
| `oracles/`             | what targets judge by                                               |
| `core/`                | programs of several clients, and models of what they are owed       |
| `seeds/`, `corpus/`, `bmq.dict` | where inputs begin                                         |
| `mutator/`             | changes of inputs that know their structure                         |
| `registry`             | the targets, with their seeds and what their inputs are             |
| `workflow/`            | campaigns, findings, corpora, coverage                              |
| `parsers`, `foreign`   | parsers of other people                                             |
| `net/`                 | the sweep of single changes, and fuzzing over TCP                   |
| `run_target`, `unguided` | the child process that runs one target                            |
| `engine`, `children`   | starts it, reads its statistics, collects crashes                   |
| `wrappers`             | a program for each target, for ClusterFuzzLite and OSS-Fuzz         |
| `suite`, `dump`        | from runs to cases of a report                                      |

A target is a module with a plain function `test_one_input(data: bytes) -> None` that knows nothing
of atheris, so tests replay corpora with it and users can run modules of their own.
"""

from __future__ import annotations
