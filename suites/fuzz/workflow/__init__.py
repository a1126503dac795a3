"""The workflow of who fuzzes on a laptop: campaigns, findings that are ready to work on, corpora.

| module                   | what it does                                                      |
|--------------------------|-------------------------------------------------------------------|
| `names`, `plan`          | which targets, for how long, in which of the processes            |
| `campaign`               | runs them                                                         |
| `status`, `display`      | reads what children say meanwhile, and shows it                   |
| `outcome`                | from a campaign to cases of a report                              |
| `shrinking`, `minimise`  | makes an input smaller that crashes its target, in the child      |
| `triage`, `regression`   | a folder for each finding, with a test                            |
| `corpora`                | where corpora are, and merging them                               |
| `coverage`, `measure`    | lines and branches that inputs reach; the second is the child     |
| `commands`               | the command lines of all that                                     |

Nothing is imported here: children import the product only once they are ready to watch it.
"""

from __future__ import annotations
