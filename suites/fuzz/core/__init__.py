"""Programs of several clients, played on a broker core beside models of what they are owed.

| module                                   | what it is                                              |
|------------------------------------------|---------------------------------------------------------|
| `program`, `words`, `seeds`              | what an input is; what clients can say; where it begins |
| `starts`, `copies`                       | states to start from, and cheap copies of them          |
| `deeds`, `sessions`, `requests`,         | what each instruction does                              |
| `traffic`, `posts`, `saying`             |                                                         |
| `client`, `queue_model`, `app_model`     | models: what a client is owed, what a queue must do     |
| `world`, `play`                          | a broker with its clients and disk; one execution       |
| `feedback`                               | states reached, told to the fuzzer as coverage          |
"""

from __future__ import annotations
