"""Mistakes in the handling of states: what is accepted when, and who is remembered for how long.

They are for the fuzz suite, as those of `parsers` are.
"""

from __future__ import annotations

from reference_broker.core.broker import Broker
from reference_broker.core.control import ControlDesk
from reference_broker.core.handshake import Handshake
from reference_broker.queue.app import App
from suites.harness.defects.edits import edit, mistake


@mistake("core/broker.py", "wrong state")
def admins_may_post() -> None:
    """An admin session's messages are taken as a client's are."""
    edit(Broker._event, ("session.kind is SessionKind.ADMIN and", "session.kind is None and"))


@mistake("core/handshake.py", "wrong state")
def authenticated_twice() -> None:
    """A client may authenticate any number of times before it is negotiated."""
    edit(
        Handshake.handle,
        ("event.type == EventType.AUTHENTICATION and session.authentication is None",
         "event.type == EventType.AUTHENTICATION"),
    )  # fmt: skip


@mistake("core/control.py", "stale handle")
def closed_stream_kept() -> None:
    """A client that closes its reader keeps it in its hands."""
    edit(ControlDesk._detach, ("sub_stream.stream = None", "pass"))


@mistake("core/control.py", "stale handle")
def closed_id_kept() -> None:
    """The id of a queue that was closed stays known to its session."""
    edit(ControlDesk._drop_handle, ("session.handles.pop(handle.queue_id, None)", "pass"))


@mistake("core/control.py", "stale handle")
def opened_for_who_is_gone() -> None:
    """A queue whose domain had to be loaded is opened for a client that has gone meanwhile."""
    edit(
        ControlDesk.go_on,
        (
            "if session.connection not in self._context.sessions or session.ignores_input():",
            "if False:",
        ),
    )


@mistake("core/control.py", "sign")
def writer_counted_out_twice() -> None:
    """A closeQueue counts a producer out, whether there is one or not."""
    edit(
        ControlDesk._close_queue,
        ("if parameters.write_count and handle.is_writer:", "if parameters.write_count:"),
    )


@mistake("core/control.py", "wrong state")
def opened_while_congested() -> None:
    """A reader that is opened while its client does not read is served at once."""
    edit(ControlDesk._attach, ("stream.is_paused = session.is_congested", "pass"))


@mistake("queue/app.py", "off by one")
def first_message_not_given_back() -> None:
    """The first message that an app needs is not delivered again when its reader goes."""
    edit(App._is_mine, ("ordinal >= self.first_ordinal", "ordinal > self.first_ordinal"))


@mistake("queue/app.py", "stale handle")
def confirmed_message_still_waits() -> None:
    """What is confirmed while it waits to be delivered again is delivered again all the same."""
    edit(App._withdraw, ("self.redelivery.discard(ordinal)", "ordinal in self.redelivery"))


@mistake("queue/app.py", "off by one")
def last_attempt_is_one_more() -> None:
    """A message is delivered once more often than it may be."""
    edit(App._was_last_attempt, ("if left > 0:", "if left >= 0:"))
