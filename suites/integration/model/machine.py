"""The rules by which Hypothesis makes programs of acts.

A program begins with the configuration: few domains of short limits, few clients. Hypothesis leaves
some of the rules out of each program, so that some programs are long on what is rare. All arguments
are numbers, texts and tuples, so that what Hypothesis prints of a failure is a Python program;
`replay` has the door for it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Final, Protocol

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from suites.integration.model import opening, operating, posting
from suites.integration.model.bench import Bench, stored_messages
from suites.integration.model.content import CONTENTS
from suites.integration.model.driver import Driver
from suites.integration.model.expression import EXPRESSIONS
from suites.integration.model.line import KINDS
from suites.integration.model.plan import APP_IDS, PLENTY, Plan, Sub

#: What makes a program of what Hypothesis prints.
HINT: Final = (
    "the steps are a Python program, behind: from suites.integration.model.replay import *"
)
_NUMBERS: Final = st.integers(0, 7)
_SUBS: Final = st.builds(
    Sub,
    expression=st.integers(0, len(EXPRESSIONS) - 1),
    priority=st.integers(0, 2),
    weight=st.integers(1, 3),
    messages=st.sampled_from([100, 1, 2, 3, 10, 0]),
    size=st.sampled_from([PLENTY, 10, 100, 1500]),
)
#: What `rarely` does.
_RARE: Final = (
    "be refused",
    "be refused",
    "confirm nothing",
    "ask for life",
    "look",
    "purge",
    "purge an app",
    "purge a domain",
)
#: Often a consumer wants everything.
_WANTS: Final = st.one_of(
    st.builds(
        Sub,
        expression=st.just(0),
        priority=st.integers(0, 1),
        weight=st.integers(1, 2),
        messages=st.sampled_from([100, 2, 10]),
        size=st.just(PLENTY),
    ).map(lambda sub: (sub,)),
    st.lists(_SUBS, min_size=1, max_size=2).map(tuple),
)
_PLANS: Final = st.builds(
    Plan,
    mode=st.sampled_from(["priority", "priority", "fanout", "fanout", "broadcast"]),
    storage=st.sampled_from(["inMemory", "fileBacked", "fileBacked"]),
    is_strong=st.booleans(),
    messages=st.sampled_from([PLENTY, 2, 5, 12]),
    size=st.sampled_from([PLENTY, PLENTY, 100, 2000]),
    domain_messages=st.sampled_from([PLENTY, PLENTY, 4]),
    ttl_s=st.sampled_from([3600, 3600, 1, 20]),
    attempts=st.sampled_from([0, 0, 1, 2, 3]),
    memory_s=st.sampled_from([300, 300, 5]),
    consumers=st.sampled_from([0, 0, 0, 1, 2]),
    producers=st.sampled_from([0, 0, 0, 1]),
    apps=st.sampled_from([2, 1, 3]),
    filters=st.one_of(
        st.just(()), st.lists(st.integers(0, len(EXPRESSIONS) - 2), max_size=3).map(tuple)
    ),
)


def _valid(plan: Plan) -> Plan:
    """Return a plan that makes sense: limits of clients without apps, only one filter without."""
    if plan.mode == "fanout":
        return plan._replace(consumers=0, filters=plan.filters[: plan.apps])
    plan = plan._replace(filters=plan.filters[:1])
    return plan if plan.mode == "priority" else plan._replace(storage="inMemory", filters=())


class Watcher(Protocol):
    """Who is told of every act."""

    def step(self, text: str) -> None:
        """Take note of an act that begins."""

    def failed(self, error: Exception) -> None:
        """Take note of why an act failed."""


class DomainMachine(RuleBasedStateMachine):
    """The rules.

    Attributes:
        new_driver: makes the broker.
        watcher: is told of every act.
        is_broken: whether an act has failed: then there is nothing left to compare.
    """

    new_driver: ClassVar[Callable[[], Driver]]
    watcher: ClassVar[Watcher | None] = None
    bench: Bench
    is_broken = False

    @property
    def is_begun(self) -> bool:
        """Whether there is a broker."""
        return hasattr(self, "bench")

    @contextlib.contextmanager
    def act(self, name: str, **arguments: Any) -> Iterator[None]:
        """Tell the watcher of an act, and whether it fails."""
        watcher = type(self).watcher
        if watcher is not None:
            words = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
            watcher.step(f"state.{name}({words})")
        try:
            yield
        except Exception as error:
            self.is_broken = True
            error.add_note(HINT)
            if watcher is not None:
                watcher.failed(error)
            raise

    @initialize(
        plans=st.lists(_PLANS.map(_valid), min_size=1, max_size=2).map(tuple),
        kinds=st.tuples(*[st.sampled_from(["new", *KINDS])] * 3),
        cut=st.sampled_from([0, 0, 0, 7, 100]),
        readers=st.sampled_from([1, 2, 2, 0]),
    )
    def begin(
        self, plans: Sequence[Plan], kinds: Sequence[str], cut: int = 0, readers: int = 0
    ) -> None:
        """Start the broker; with `readers`, somebody writes at once and so many read."""
        with self.act("begin", plans=plans, kinds=kinds, cut=cut, readers=readers):
            self.bench = Bench(type(self).new_driver(), plans, kinds, cut)
            if readers:
                self._gather(0, [(0, Sub(weight=number + 1)) for number in range(readers)])

    def _gather(self, number: int, readers: Sequence[tuple[int, Sub]]) -> None:
        queue = self.bench.queue(number)
        opening.open_writer(self.bench, 0, queue)
        for slot, (app, sub) in enumerate(readers, start=1):
            stream = opening.open_reader(self.bench, slot, queue, opening.app_of(queue, app))
            if stream is not None:
                client = self.bench.client(slot)
                handle = client.handles[queue.number]
                opening.configure(self.bench, client, handle, stream, (sub,))

    def teardown(self) -> None:
        """See what is stored in the end, and be done."""
        if not self.is_begun:
            return
        try:
            if not self.is_broken:
                with self.act("teardown"):
                    self.bench.finish()
        finally:
            self.bench.driver.end()

    # Queues.

    @precondition(lambda self: self.is_begun and len(self.bench.readers()) <= 1)
    @rule(
        queue=_NUMBERS,
        readers=st.lists(st.tuples(st.integers(0, 1), _SUBS), min_size=1, max_size=2).map(tuple),
    )
    def gather(self, queue: int, readers: tuple[tuple[int, Sub], ...]) -> None:
        """Let a client open a queue for writing, and others for reading: (app, want) each."""
        with self.act("gather", queue=queue, readers=readers):
            self._gather(queue, readers)

    @rule(slot=_NUMBERS, queue=_NUMBERS, app=_NUMBERS, subs=_WANTS, old_style=st.booleans())
    def read(
        self,
        slot: int,
        queue: int,
        app: int,
        subs: tuple[Sub, ...],
        old_style: bool,  # noqa: FBT001 - as programs write it
    ) -> None:
        """Open a queue for reading, and configure it."""
        bench = self.bench
        with self.act("read", slot=slot, queue=queue, app=app, subs=subs, old_style=old_style):
            opened = bench.queue(queue)
            stream = opening.open_reader(bench, slot, opened, opening.app_of(opened, app))
            if stream is not None:
                client = bench.client(slot)
                handle = client.handles[opened.number]
                opening.configure(bench, client, handle, stream, subs, is_old_style=old_style)

    @rule(slot=_NUMBERS, queue=_NUMBERS)
    def write(self, slot: int, queue: int) -> None:
        """Open a queue for writing."""
        with self.act("write", slot=slot, queue=queue):
            opening.open_writer(self.bench, slot, self.bench.queue(queue))

    @rule(slot=_NUMBERS, queue=_NUMBERS)
    def open_both(self, slot: int, queue: int) -> None:
        """Open a queue for reading and writing, and leave it without a configuration."""
        with self.act("open_both", slot=slot, queue=queue):
            opening.open_both(self.bench, slot, self.bench.queue(queue))

    @precondition(lambda self: self.is_begun and self.bench.readers())
    @rule(reader=_NUMBERS, subs=st.one_of(_WANTS, st.just(())), old_style=st.booleans())
    def configure(self, reader: int, subs: tuple[Sub, ...], old_style: bool) -> None:  # noqa: FBT001 - as programs write it
        """Configure a reader anew."""
        with self.act("configure", reader=reader, subs=subs, old_style=old_style):
            client, handle, stream = _pick(self.bench.readers(), reader)
            opening.configure(self.bench, client, handle, stream, subs, is_old_style=old_style)

    @precondition(lambda self: self.is_begun and self.bench.readers())
    @rule(reader=_NUMBERS)
    def close_reader(self, reader: int) -> None:
        """Close a queue for reading."""
        with self.act("close_reader", reader=reader):
            opening.close_reader(self.bench, *_pick(self.bench.readers(), reader))

    @precondition(lambda self: self.is_begun and self.bench.writers())
    @rule(writer=_NUMBERS)
    def close_writer(self, writer: int) -> None:
        """Close a queue for writing."""
        with self.act("close_writer", writer=writer):
            opening.close_writer(self.bench, *_pick(self.bench.writers(), writer))

    # Messages.

    @precondition(lambda self: self.is_begun and self.bench.writers())
    @rule(
        writer=_NUMBERS,
        contents=st.lists(st.integers(0, len(CONTENTS) - 1), min_size=1, max_size=4).map(tuple),
        ack=st.booleans(),
    )
    def post(self, writer: int, contents: tuple[int, ...], ack: bool) -> None:  # noqa: FBT001 - as programs write it
        """Post messages."""
        with self.act("post", writer=writer, contents=contents, ack=ack):
            client, handle = _pick(self.bench.writers(), writer)
            posting.post(self.bench, client, [handle], contents, is_asked=ack)

    @precondition(lambda self: self.is_begun and self.bench.writers())
    @rule(writer=_NUMBERS, count=st.integers(5, 15), content=st.integers(0, len(CONTENTS) - 1))
    def post_many(self, writer: int, count: int, content: int) -> None:
        """Post several messages to each queue that the client has open, in turn."""
        with self.act("post_many", writer=writer, count=count, content=content):
            client, handle = _pick(self.bench.writers(), writer)
            handles = [handle, *(h for h in client.handles.values() if h.is_writer)]
            posting.post(self.bench, client, handles, (content,) * count)

    @precondition(lambda self: self.is_begun and self.bench.writers())
    @rule(writer=_NUMBERS, message=_NUMBERS, ack=st.booleans(), twice=st.booleans())
    def post_again(self, writer: int, message: int, ack: bool, twice: bool) -> None:  # noqa: FBT001 - as programs write it
        """Post a message that was posted before."""
        with self.act("post_again", writer=writer, message=message, ack=ack, twice=twice):
            client, handle = _pick(self.bench.writers(), writer)
            known = stored_messages(handle.queue, self.bench.driver.now)
            if known and client.line.makes_guids:
                chosen = _pick(known[::-1], message)
                posting.post_again(self.bench, client, handle, chosen, is_asked=ack, twice=twice)

    @precondition(lambda self: self.is_begun and self.bench.writers(open_only=False))
    @rule(writer=_NUMBERS, kind=st.sampled_from(posting.BAD_KINDS))
    def post_bad(self, writer: int, kind: str) -> None:
        """Post a message that cannot be accepted."""
        with self.act("post_bad", writer=writer, kind=kind):
            client, handle = _pick(self.bench.writers(open_only=False), writer)
            if not client.line.makes_guids:
                return
            if not handle.is_writer:
                posting.post_to_closed(self.bench, client, handle)
            elif self.bench.driver.is_strict or kind not in {"crc", "compression"}:
                posting.post_bad(self.bench, client, handle, kind)

    @precondition(lambda self: self.is_begun and self.bench.readers())
    @rule(reader=_NUMBERS, messages=st.lists(_NUMBERS, min_size=1, max_size=4).map(tuple))
    def confirm(self, reader: int, messages: tuple[int, ...]) -> None:
        """Confirm messages that a reader has got."""
        with self.act("confirm", reader=reader, messages=messages):
            holding = [each for each in self.bench.readers() if each[2].held]
            if holding:
                client, handle, stream = _pick(holding, reader)
                held = list(stream.held)
                chosen = list(dict.fromkeys(_pick(held, number) for number in messages))
                posting.confirm(self.bench, client, handle, stream, chosen)

    @precondition(lambda self: self.is_begun and self.bench.readers())
    @rule(reader=_NUMBERS)
    def confirm_all(self, reader: int) -> None:
        """Confirm all that a reader has got."""
        with self.act("confirm_all", reader=reader):
            holding = [each for each in self.bench.readers() if each[2].held]
            if holding:
                client, handle, stream = _pick(holding, reader)
                posting.confirm(self.bench, client, handle, stream, list(stream.held))

    @precondition(lambda self: self.is_begun and self.bench.readers())
    @rule(reader=_NUMBERS, message=_NUMBERS)
    def confirm_any(self, reader: int, message: int) -> None:
        """Confirm a message, whoever has got it, and whether it is still there."""
        with self.act("confirm_any", reader=reader, message=message):
            client, handle, stream = _pick(self.bench.readers(), reader)
            known = list(handle.queue.latest.values())[::-1]
            if known and handle.queue.domain.plan.mode != "broadcast":
                chosen = _pick(known, message)
                posting.confirm(self.bench, client, handle, stream, [chosen])

    # Clients.

    @precondition(lambda self: self.is_begun and self.bench.is_anybody)
    @rule(client=_NUMBERS)
    def leave(self, client: int) -> None:
        """Let a client say goodbye."""
        with self.act("leave", client=client):
            self.bench.leave(_pick(self.bench.present, client))

    @precondition(lambda self: self.is_begun and self.bench.is_anybody)
    @rule(client=_NUMBERS, half=st.booleans())
    def lose(self, client: int, half: bool) -> None:  # noqa: FBT001 - as programs write it
        """Break a client's connection, perhaps in the midst of a message."""
        with self.act("lose", client=client, half=half):
            self.bench.lose(_pick(self.bench.present, client), b"\0\0\1\0\x42\2" if half else b"")

    # Time and the operator.

    @precondition(
        lambda self: self.is_begun and self.bench.driver.has_time and self.bench.is_anybody
    )
    @rule(seconds=st.sampled_from([2, 8, 30, 70]), mute=st.sampled_from([-1, -1, 0, 1, 2]))
    def advance(self, seconds: int, mute: int) -> None:
        """Let time pass; one of the clients may stop answering heartbeats."""
        with self.act("advance", seconds=seconds, mute=mute):
            if mute in self.bench.present:
                self.bench.clients[mute].line.is_mute = True
            operating.advance(self.bench, seconds)

    @precondition(
        lambda self: self.is_begun and self.bench.driver.has_lives and self.bench.is_anybody
    )
    @rule(graceful=st.booleans())
    def restart(self, graceful: bool) -> None:  # noqa: FBT001 - as programs write it
        """End the broker and start it again."""
        with self.act("restart", graceful=graceful):
            self.bench.restart(is_graceful=graceful)

    @rule(what=st.sampled_from(_RARE), slot=_NUMBERS, queue=_NUMBERS, number=_NUMBERS)
    def rarely(self, what: str, slot: int, queue: int, number: int) -> None:
        """Do something that is not what brokers are for, but changes little or nothing.

        Args:
            what: one of `_RARE`.
            slot: of the client that does it.
            queue: that it is about.
            number: the kind of refusal, the app to purge, how many heartbeats.
        """
        bench = self.bench
        with self.act("rarely", what=what, slot=slot, queue=queue, number=number):
            chosen = bench.queue(queue)
            if what == "be refused":
                opening.be_refused(bench, slot, chosen, (number + slot) % opening.REFUSALS)
            elif what == "confirm nothing":
                posting.confirm_strange(bench, bench.client(slot), chosen, number % 3)
            elif what == "ask for life":
                operating.ask_for_life(bench, slot, 1 + number % 3)
            elif what == "look":
                bench.check_stored(chosen)
            elif what == "purge":
                operating.purge(bench, chosen, None)
            elif what == "purge an app":
                app_id = APP_IDS[number % chosen.domain.plan.apps]
                operating.purge(bench, chosen, app_id)
            else:
                operating.purge_domain(bench, number)

    @precondition(lambda self: self.is_begun and self.bench.driver.is_configurable)
    @rule(
        domain=_NUMBERS,
        messages=st.sampled_from([PLENTY, 1, 3]),
        apps=st.integers(1, 3),
        expression=st.integers(0, len(EXPRESSIONS) - 2),
    )
    def reconfigure(self, domain: int, messages: int, apps: int, expression: int) -> None:
        """Change the limits of a domain, its apps and its filters."""
        with self.act(
            "reconfigure", domain=domain, messages=messages, apps=apps, expression=expression
        ):
            plan = self.bench.domains[domain % len(self.bench.domains)].plan
            filters = (expression,) if plan.filters else ()
            changed = _valid(plan._replace(messages=messages, apps=apps, filters=filters))
            operating.reconfigure(self.bench, domain, changed)


def _pick(found: Sequence[Any], number: int) -> Any:
    return found[number % len(found)]


def machine_for(
    new_driver: Callable[[], Driver], watcher: Watcher | None = None
) -> type[DomainMachine]:
    """Return the machine for a broker; its class has the name that programs use."""
    members = {
        "new_driver": staticmethod(new_driver), "watcher": watcher, "__module__": __name__,
    }  # fmt: skip
    return type("DomainMachine", (DomainMachine,), members)
