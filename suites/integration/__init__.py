"""The integration suite: numbered black-box cases that any broker can be put to.

| module         | what it knows                                                            |
|----------------|--------------------------------------------------------------------------|
| `case`         | what a case is: id, statement, expectation, needs, grade                 |
| `raw`, `actor` | a protocol peer without a mind of its own, and one that does errands     |
| `admin`        | a peer with an admin session                                             |
| `connections`  | the connections of one case                                              |
| `transcript`   | what went over the wire, for people                                      |
| `malformed`    | the catalogue of hostile inputs, as data                                 |
| `probe`        | how the answer to a hostile input is found out                           |
| `cases`        | the cases, one module per area                                           |
| `sdk_program`, `sdk_features` | the real SDK at work, and its features one by one         |
| `sdk_process`  | how these programs are run, each in a process of its own                 |
| `verdict`      | from a case's outcome to its verdict                                     |
| `runner`       | one run against one target                                               |
| `decoding`     | bytes in words, for the report                                           |
| `kills`, `spared` | which seeded defect turns which case red, and what none does          |
| `options`, `plugin`, `conftest` | pytest's side: options, hooks, fixtures                 |

Run it with `python -m suites.integration --target SPEC`, or as any other pytest package.
"""

from __future__ import annotations
