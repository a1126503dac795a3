"""Every single change of a client's messages, in this process and over TCP.

| module       | what it is                                                                   |
|--------------|------------------------------------------------------------------------------|
| `kinds`      | the messages, and the states of a session in which they are right             |
| `tables`     | texts and numbers that broke programs before                                 |
| `changes`    | every single change of a message                                             |
| `catalogue`  | the numbered cases, and pairs of them                                        |
| `inside`     | a case against a broker core in this process                                 |
| `sweep`      | all of them                                                                  |
| `line`, `bystander`, `volley` | clients over TCP: that wait, that must be served, that attack  |
| `campaign`   | cases against a target over TCP, and what is done when something is wrong    |
| `state`      | how far a run is, on disk                                                    |
| `findings`, `judging` | what was found, and what it means                                   |
| `command`    | `gauntlet fuzz sweep` and `gauntlet fuzz net`                                |
"""

from __future__ import annotations
