"""An executable model of a broker's domains, and a machine that runs it in step with a broker.

| module       | what it knows                                                              |
|--------------|----------------------------------------------------------------------------|
| `content`    | the messages that are posted, and what a consumer must see of them         |
| `expression` | subscription expressions, each with what it means in Python                |
| `plan`       | a domain's configuration; a consumer's subscription                        |
| `flow`       | what a consumer holds, and whether it has room                  |
| `queue`      | queues and apps: limits, duplicates, age, redelivery    |
| `routing`    | who may get a message, and whether somebody must                |
| `line`       | the client's end of a connection: requests out, what came sorted           |
| `driver`     | what a broker must be able to do for the machine                           |
| `virtual`    | ... the core of our broker in this process, in virtual time                |
| `sockets`    | ... any target, over TCP                                                   |
| `bench`      | model and broker in step: acts, and checks what came of it                 |
| `machine`    | the rules by which Hypothesis makes programs of acts                       |
| `running`    | rounds of the machine until time is over or something is wrong             |
| `replay`     | runs a program that the machine has printed                                |
| `hunt`       | the machine against every seeded defect                                    |

The model holds what the protocol promises and no more. Where the protocol leaves a choice, as which
of equal consumers gets a message, the model follows the broker if what it did is allowed.

`python -m suites.integration.model --help` tells how to run it.
"""

from __future__ import annotations
