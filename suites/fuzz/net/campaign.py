"""Cases over TCP against any target: batches of attackers, and a bystander who looks after each.

If something is wrong after a batch, the target is brought back, the cases of the batch are sent one
by one, and the bystander looks after each: so a finding is that of one case. What shows only behind
several is told with all of them. A target that does not come back ends the run.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from reference_broker.base import OperatorError
from suites.fuzz.net.bystander import Bystander, Operator
from suites.fuzz.net.catalogue import Case
from suites.fuzz.net.findings import BEFORE_MAX, Findings, finding_of
from suites.fuzz.net.kinds import KINDS
from suites.fuzz.net.line import ANSWER_SECONDS_MAX, LineError
from suites.fuzz.net.volley import LANES_DEFAULT, Attackers, Outcome
from suites.harness.report.text import one_line
from suites.harness.target import Capability, Target, TargetError

#: Cases between two looks of the bystander; fewer if a target that ended cannot be started again.
BATCH: Final = 64
BATCH_EXTERNAL: Final = 16
#: Cases in a row that do not come to their state, after which the run ends.
IN_VAIN_MAX: Final = 100
_PROBE_SECONDS_MAX: Final = 2.0
_EXCEPTION: Final = re.compile(
    r"^\s*((?:\w+\.)*\w*(?:Error|Exception|Interrupt)\b.*)$", re.MULTILINE
)


class LostError(Exception):
    """The target does not come back."""


class Trouble(NamedTuple):
    """Something that is wrong with the target.

    Attributes:
        what: in a line.
        log: the end of its log.
        is_dead: nothing goes on without a new start.
    """

    what: str
    log: str
    is_dead: bool


class Campaign:
    """Sends cases to a target and looks after it.

    Args:
        target: the target, running.
        findings: where findings go.
        tell: is told of each new finding.
        lanes: attackers at a time.
        answer_s: how long an answer may take, seconds.
        pace: cases a second at most; None for as many as go.
    """

    def __init__(
        self,
        target: Target,
        findings: Findings,
        tell: Callable[[str], None],
        *,
        lanes: int = LANES_DEFAULT,
        answer_s: float = ANSWER_SECONDS_MAX,
        pace: int | None = None,
    ) -> None:
        self._target = target
        self._findings = findings
        self._tell = tell
        self._answer_s = answer_s
        self._can_restart = Capability.LIFECYCLE in target.capabilities
        self._batch = BATCH if self._can_restart else BATCH_EXTERNAL
        self._attackers = Attackers(target.host, target.port, lanes, answer_s, pace)
        self._bystander: Bystander | None = None
        self._operator: Operator | None = None
        self._last: list[str] = []
        self._in_vain = 0
        #: Cases that did not come to their state.
        self.unreached = 0
        #: Connections that the target did not close.
        self.left_open = 0
        self.restarts = 0

    def begin(self) -> None:
        """See that the bystander is served, and that attackers come to every state.

        Raises:
            OperatorError: they are not, so nothing can be said of the target.
        """
        try:
            self._seat()
            outcome = self._attackers.attack(
                [Case(name, name, "unchanged", (kind.forms[0],)) for name, kind in KINDS.items()]
            )
            self._look()
        except LineError as error:
            raise OperatorError(f"the target serves nobody, unharmed as it is: {error}") from error
        if outcome.unreached:
            case, why = outcome.unreached[0]
            raise OperatorError(f"no attacker comes to where it can send {case.kind}: {why}")

    def end(self) -> None:
        """Leave."""
        for each in (self._bystander, self._operator):
            if each is not None:
                each.close()
        self._bystander = self._operator = None

    def run(self, cases: Iterable[Case]) -> Iterator[tuple[list[Case], list[Case]]]:
        """Send cases; yield them batch by batch when they are behind: all, and those that were sent.

        Cases of kinds of which enough was found are left out.

        Raises:
            LostError: the target does not come back; what ended it is among the findings.
            OperatorError: attackers do not come to their states any more.
        """
        waiting = iter(cases)
        while batch := list(islice(waiting, self._batch)):
            due = [case for case in batch if not self._findings.is_enough(case.kind)]
            if due:
                self._attack(due)
            yield batch, due

    def _attack(self, batch: list[Case]) -> None:
        outcome = self._attackers.attack(batch)
        trouble = self._trouble(outcome)
        if trouble is None:
            self._settle(outcome)
        else:
            self._single_out(batch, trouble)
        self._last = [*self._last, *(case.id for case in batch)][-BEFORE_MAX:]

    def _settle(self, outcome: Outcome) -> None:
        """Take what attackers saw of a target that serves its bystander."""
        self.left_open += outcome.left_open
        for case, what in outcome.wrong:
            self._add(case, f"the attacker {what}")
        again = [case for case, _ in outcome.unreached]
        if not again:
            self._in_vain = 0
            return
        retried = self._attackers.attack(again)
        self.unreached += len(retried.unreached)
        self._in_vain += len(retried.unreached)
        if retried.unreached and self._in_vain > IN_VAIN_MAX:
            case, why = retried.unreached[-1]
            raise OperatorError(
                f"{self._in_vain} cases in a row did not come to their state, the last one being "
                f"{case.id}: {why}"
            )

    def _single_out(self, batch: list[Case], trouble: Trouble) -> None:
        """Find the cases of a batch that made trouble, one by one."""
        self._tell(f"after {batch[-1].id}: {trouble.what}; the last {len(batch)} one by one")
        is_found = len(batch) == 1
        others = [case.id for case in batch[:-1]]
        try:
            if is_found:
                self._add(batch[0], trouble.what, trouble.log)
            self._recover(trouble)
        except LostError:
            if not is_found:
                self._add(batch[-1], trouble.what, trouble.log, others)
            raise
        if is_found:
            return
        for case in batch:
            if self._findings.is_enough(case.kind):
                continue
            found = self._trouble(self._attackers.attack([case]))
            if found is not None:
                is_found = True
                self._add(case, found.what, found.log)
                self._recover(found)
            self._last = [*self._last, case.id][-BEFORE_MAX:]
        if not is_found:
            self._add(batch[-1], trouble.what, trouble.log, others)

    def _add(self, case: Case, what: str, log: str = "", others: Iterable[str] = ()) -> None:
        if self._findings.add(finding_of(case, what, log, self._last, tuple(others))):
            self._tell(f"{case.id}: {what}")

    # Looking.

    def _trouble(self, outcome: Outcome) -> Trouble | None:
        """Return what is wrong with the target after a batch; None if nothing is."""
        try:
            self._look()
        except LineError as error:
            return self._diagnosed(str(error))
        if outcome.unreached and not self._target.is_alive():
            return self._diagnosed("newcomers get no session, and the bystander is still served")
        return None

    def _look(self) -> None:
        assert self._bystander is not None, "the bystander has no seat"
        assert self._operator is not None, "the operator has no seat"
        self._bystander.check()
        self._operator.purge()

    def _diagnosed(self, seen: str) -> Trouble:
        if not self._listens():
            log = self._target.log_tail()
            raised = _EXCEPTION.findall(log)
            cause = f": {raised[-1]}" if raised else ""
            return Trouble(one_line(f"crash: the target has ended{cause}"), log, is_dead=True)
        if not self._target.is_alive():
            return Trouble(one_line(f"hang: {seen}"), self._target.log_tail(), is_dead=True)
        return Trouble(one_line(seen), self._target.log_tail(), is_dead=False)

    def _listens(self) -> bool:
        address = self._target.host, self._target.port
        with contextlib.suppress(OSError), socket.create_connection(address, _PROBE_SECONDS_MAX):
            return True
        return False

    # Bringing back.

    def _seat(self) -> None:
        self.end()
        host, port = self._target.host, self._target.port
        self._bystander = Bystander(host, port, self._answer_s)
        self._operator = Operator(host, port, self._answer_s)

    def _recover(self, trouble: Trouble) -> None:
        """Bring the target and the bystander back.

        Raises:
            LostError: it cannot be done.
        """
        if not trouble.is_dead:
            with contextlib.suppress(LineError):
                self._seat()
                self._look()
                return
        self.end()
        if self._can_restart:
            try:
                self._target.renew()
            except TargetError as error:
                raise LostError(str(error)) from error
            self.restarts += 1
        elif not (self._listens() and self._target.is_alive()):
            raise LostError(f"nothing serves sessions at {self._target.address} any more")
        try:
            self._seat()
            self._look()
        except LineError as error:
            raise LostError(str(error)) from error
