"""What targets judge by: second readers of the same bytes, and benches to play on.

| module                            | what it is                                                   |
|-----------------------------------|--------------------------------------------------------------|
| `bodies`                          | what must hold of every event's body, and of messages        |
| `placing`, `pieces`               | the same bytes elsewhere in a buffer, or cut                 |
| `areas`, `documents`              | properties; configuration files                              |
| `expression_witness`              | a second evaluator of subscription expressions               |
| `admin_forms`                     | admin commands in words and in JSON                          |
| `broker_bench`                    | a broker core, an attacker and a bystander                   |
| `log_bench`, `recovered`          | a partition's files in memory, and what recovery makes of it |
"""

from __future__ import annotations
