"""An admin session: commands in, answers out."""

from __future__ import annotations

import json
from typing import Any

from reference_broker.base import QueueUri
from reference_broker.wire.control import (
    AdminCommand,
    AdminCommandResponse,
    ClientType,
    Encoding,
    GuidInfo,
)
from suites.integration.actor import Actor
from suites.integration.raw import identity


class AdminActor(Actor):
    """A peer with an admin session."""

    _encoding = Encoding.BER

    def start_admin(self, encoding: Encoding = Encoding.BER) -> None:
        """Connect and introduce ourselves, successfully.

        Args:
            encoding: of everything that is said.
        """
        self._encoding = encoding
        features = f"PROTOCOL_ENCODING:{encoding.name}"
        who = identity(client_type=ClientType.E_TCPADMIN, guid_info=GuidInfo(), features=features)
        self.start(who, encoding)

    def ask(self, text: str) -> int:
        """Send a command and return its rId."""
        return self.send_request(AdminCommand(command=text), self._encoding)

    def text_of(self, r_id: int) -> str:
        """Return the answer to a command.

        Raises:
            SilentError: there is none in time.
        """
        answer = self.answer(r_id)
        assert isinstance(answer, AdminCommandResponse), f"{answer!r} where an answer is due"
        return answer.text

    def command(self, text: str) -> str:
        """Send a command and return the answer; raises as `text_of`."""
        return self.text_of(self.ask(text))

    def result(self, text: str) -> dict[str, Any]:
        """Send a command and return the answer as the peer's JSON; raises as `text_of`."""
        answer = self.command(f"ENCODING JSON_COMPACT {text}")
        found = json.loads(answer)
        assert isinstance(found, dict), f"no JSON object: {answer}"
        assert len(found) == 1, f"not one choice: {answer}"
        return found

    def contents(self, uri: str, app_id: str = "") -> list[str]:
        """Return the GUIDs of a queue's messages, or of those that an app has not confirmed."""
        words = f"{app_id} 0 UNLIMITED" if app_id else "0 UNLIMITED"
        listed = self.result(f"{queue_words(uri)} LIST {words}")["queueContents"]
        messages = listed.get("messages", [])
        # The total is the queue's: BlazingMQ counts all of them also where one app's are listed.
        is_whole = listed["totalQueueMessages"] == len(messages)
        assert is_whole or (app_id and listed["totalQueueMessages"] > len(messages)), listed
        return [message["guid"] for message in messages]


def queue_words(uri: str) -> str:
    """Return how a command about a queue begins."""
    parsed = QueueUri.parse(uri)
    return f"DOMAINS DOMAIN {parsed.qualified_domain} QUEUE {parsed.queue}"
