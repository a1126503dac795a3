"""Admin commands: from the text to the answer.

A command comes over an admin session or from the operator's pipe. Commands are executed one after
the other, in the order in which they came [ADMIN-2]; one that needs a domain's configuration waits
for it, and those behind it wait too. A failed command is an answer like any other [ADMIN-3]. A step
executes only so many, and none for a session that does not read its answers.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple, TypeAlias

from reference_broker.admin import (
    BrokerConfigDump,
    ClearConfigCache,
    ClearResolverCache,
    ClusterCommand,
    Command,
    CommandError,
    DomainCommand,
    DumpBrokerConfig,
    Error,
    ListClusters,
    ParsedCommand,
    ReconfigureDomain,
    Result,
    ShowHelp,
    StatCommand,
    Success,
    decode_error_text,
    help_result,
    parse_command,
    render,
)
from reference_broker.base import OperatorError
from reference_broker.base.limits import (
    ADMIN_ANSWER_BYTES_MAX,
    ADMIN_ANSWER_LOGGED_CHARS_MAX,
    ADMIN_ANSWERS_BYTES_PER_STEP,
    ADMIN_COMMANDS_PER_STEP_MAX,
    ADMIN_COMMANDS_WAITING_MAX,
)
from reference_broker.config import DomainConfig, DomainNotFound
from reference_broker.core.admin_clusters import ClusterOffice
from reference_broker.core.admin_domains import DomainOffice
from reference_broker.core.context import Context
from reference_broker.core.state import Session
from reference_broker.core.statistics import StatOffice
from reference_broker.ports import AdminResult, Severity
from reference_broker.wire.control import AdminCommandResponse, ControlMessage, print_message

_FAILED: Final = -2
_NOT_UNDERSTOOD: Final = -31

#: Who wants to know: a session and its request, or the driver's token.
_Requester: TypeAlias = tuple[Session, int] | int


class _Job(NamedTuple):
    """A command that waits for its turn, or the reason why it is none."""

    requester: _Requester
    parsed: ParsedCommand | CommandError


class AdminDesk:
    """Execute admin commands.

    Args:
        context: of the core.
        domains: answers the commands about domains.
        clusters: answers the commands about clusters.
        statistics: answers the commands about statistics.
        config_json: the broker's configuration as a JSON text [ADMIN-11].
    """

    def __init__(
        self,
        context: Context,
        domains: DomainOffice,
        clusters: ClusterOffice,
        statistics: StatOffice,
        config_json: str,
    ) -> None:
        self._context = context
        self._domain_office = domains
        self._clusters = clusters
        self._statistics = statistics
        self._config_json = config_json
        self._jobs: deque[_Job] = deque()
        #: Commands of sessions that do not read, by connection.
        self._parked: dict[int, deque[_Job]] = {}
        #: What this step may still execute, and answer in bytes.
        self._commands_left = ADMIN_COMMANDS_PER_STEP_MAX
        self._bytes_left = ADMIN_ANSWERS_BYTES_PER_STEP
        #: The domain that the first job waits for, and how many answers come before its own.
        self._awaited = ""
        self._answers_before = 0

    def begin(self) -> None:
        """Begin a step, with what the last one has left."""
        self._commands_left = ADMIN_COMMANDS_PER_STEP_MAX
        self._bytes_left = ADMIN_ANSWERS_BYTES_PER_STEP
        if self._parked:
            self._unpark()
        self._work()

    def has_work(self) -> bool:
        """Return whether commands wait that the next step can execute."""
        if self._awaited:
            return False
        return bool(self._jobs) or any(map(self._is_ready, self._parked))

    def command(self, token: int, text: str) -> None:
        """Take a command from the operator's pipe."""
        self._take(token, text)

    def request(self, session: Session, r_id: int, text: str) -> None:
        """Take a command of an admin session."""
        self._take((session, r_id), text)

    def domain_loaded(self, name: str, outcome: DomainConfig | OperatorError) -> None:
        """Go on with the command that waits for this domain."""
        if not self._jobs or name != self._awaited:
            return
        if self._answers_before:
            self._answers_before -= 1
            return
        self._awaited = ""
        job = self._jobs.popleft()
        assert isinstance(job.parsed, ParsedCommand), "only a command waits for a domain"
        result = self._execute_loaded(job.parsed, name, outcome)
        self._answer(job.requester, job.parsed, result)
        self._work()

    # The line.

    def _take(self, requester: _Requester, text: str) -> None:
        parsed: ParsedCommand | CommandError
        try:
            parsed = parse_command(text)
        except CommandError as error:
            parsed = error  # answered when it is its turn
        waiting = len(self._jobs) + sum([len(jobs) for jobs in self._parked.values()])
        if waiting >= ADMIN_COMMANDS_WAITING_MAX:
            rule = f"at most {ADMIN_COMMANDS_WAITING_MAX} commands wait for their turn"
            self._reply(requester, f"{waiting} commands are waiting, but {rule}", _FAILED)
            return
        self._jobs.append(_Job(requester, parsed))
        self._work()

    def _unpark(self) -> None:
        """Put the commands of sessions that read again into the line; those that are gone go."""
        for connection in filter(self._is_ready, list(self._parked)):
            jobs = self._parked.pop(connection)
            if connection in self._context.sessions:
                self._jobs.extend(jobs)

    def _is_ready(self, connection: int) -> bool:
        """Whether the commands of a session need not wait for it: it reads, or is gone."""
        session = self._context.sessions.get(connection)
        return session is None or not session.is_congested

    def _work(self) -> None:
        while self._jobs and not self._awaited and self._commands_left and self._bytes_left > 0:
            job = self._jobs[0]
            if isinstance(job.requester, tuple):
                session, _ = job.requester
                if session.is_congested or session.connection in self._parked:
                    self._jobs.popleft()
                    self._parked.setdefault(session.connection, deque()).append(job)
                    continue
            self._commands_left -= 1
            if isinstance(job.parsed, CommandError):
                self._jobs.popleft()
                text = decode_error_text(str(job.parsed))
                self._reply(job.requester, text, _NOT_UNDERSTOOD)
                continue
            domain = self._missing_domain(job.parsed.command)
            if domain:
                self._awaited = domain
                self._answers_before = self._context.load_domain(domain)
                return
            self._jobs.popleft()
            self._answer(job.requester, job.parsed, self._execute(job.parsed))

    def _missing_domain(self, command: Command) -> str:
        """Return the domain whose configuration must be loaded before, or nothing."""
        if isinstance(command, ReconfigureDomain):
            return command.domain
        if not isinstance(command, DomainCommand) or isinstance(command, ClearResolverCache):
            return ""
        return "" if command.domain in self._context.domains else command.domain

    def _answer(self, requester: _Requester, parsed: ParsedCommand, result: Result) -> None:
        text = render(result, parsed.encoding)
        if len(text) > ADMIN_ANSWER_BYTES_MAX:
            rule = f"at most {ADMIN_ANSWER_BYTES_MAX} are sent; ask for less"
            result = Error(f"the answer has {len(text)} characters, but {rule}")
            text = render(result, parsed.encoding)
        self._reply(requester, text, _FAILED if isinstance(result, Error) else 0)

    def _reply(self, requester: _Requester, text: str, rc: int) -> None:
        """Answer, an admin session in its encoding [ADMIN-1]."""
        context = self._context
        self._bytes_left -= len(text)
        if isinstance(requester, int):
            context.add(AdminResult(requester, text, rc))
            return
        session, r_id = requester
        if session.connection not in context.sessions or session.ignores_input():
            return
        message = ControlMessage(r_id=r_id, choice=AdminCommandResponse(text=text))
        told = _shortened(print_message(message))
        context.note(Severity.INFO, f"{session}: Send response message: {told}")
        context.send_control(session, message)

    # Execution.

    def _execute_loaded(
        self, parsed: ParsedCommand, name: str, outcome: DomainConfig | OperatorError
    ) -> Result:
        """Execute a command whose domain has just come [DOMAIN-2], or does not exist [DOMAIN-3]."""
        is_known = name in self._context.domains
        # A name whose configuration has come, and that is none, leads to another domain [FILE-7].
        if isinstance(outcome, DomainNotFound) or (
            isinstance(outcome, DomainConfig) and not is_known
        ):
            return Error(f"Domain '{name}' doesn't exist")
        if isinstance(parsed.command, ReconfigureDomain):
            return self._domain_office.reconfigure(name, outcome)
        if not is_known:
            return Error(f"Domain '{name}' cannot be used: {outcome}")
        return self._execute(parsed)

    def _execute(self, parsed: ParsedCommand) -> Result:
        command = parsed.command
        match command:
            case ShowHelp():
                return help_result(plumbing=command.plumbing)
            case DumpBrokerConfig():
                return BrokerConfigDump(self._config_json)
            case ClearConfigCache() | ClearResolverCache():
                return self._clear_cache(command.domain)
            case ListClusters():
                return self._clusters.list_all()
            case _:
                return self._execute_in_office(parsed)

    def _execute_in_office(self, parsed: ParsedCommand) -> Result:
        command = parsed.command
        if isinstance(command, StatCommand):
            return self._statistics.execute(command, parsed.encoding)
        if isinstance(command, DomainCommand):
            assert not isinstance(command, ReconfigureDomain)
            return self._domain_office.execute(command)
        assert isinstance(command, ClusterCommand)
        return self._clusters.execute(command)

    def _clear_cache(self, domain: str | None) -> Result:
        """Do nothing [DOMAIN-4]: a domain's file is read whenever its configuration is asked for."""
        if domain is None or domain in self._context.domains:
            return Success()
        return Error(f"Domain '{domain}' doesn't exist")


def _shortened(text: str) -> str:
    """Return what the log repeats of an answer."""
    more = len(text) - ADMIN_ANSWER_LOGGED_CHARS_MAX
    return text if more <= 0 else f"{text[:ADMIN_ANSWER_LOGGED_CHARS_MAX]} ... {more} more"
