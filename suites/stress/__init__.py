"""The stress suite: load from Locust at a constant rate, latencies, and a check of every message.

| module      | what it holds                                             | imports Locust |
|-------------|-----------------------------------------------------------|----------------|
| `settings`  | what a load is made of, and its limits                    | no             |
| `payload`   | the stamp at the beginning of every message               | no             |
| `schedule`  | when batches are due                                      | no             |
| `latency`   | histograms, and a value a second for the plots            | no             |
| `delivery`  | what became of every message                              | no             |
| `load`      | one run: all of the above, shared by its users            | no             |
| `verdict`   | from what a run found to cases, tables and plots          | no             |
| `users`     | the Locust users                                          | yes            |
| `attach`    | a run for every start of Locust's test                    | yes            |
| `locustfile`| for the stock `locust` command                            | yes            |

Locust replaces the standard library's blocking calls when it is imported, so a process that
imports one of the last three should do nothing else. Run `python -m suites.stress`, or::

    locust -f suites/stress/locustfile.py --headless -u 2 -r 2 -t 10s --host tcp://127.0.0.1:30114
"""

from __future__ import annotations
