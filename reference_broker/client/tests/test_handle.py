"""Handles that cannot be used."""

from __future__ import annotations

import pytest

from reference_broker.base import QueueUri
from reference_broker.client import ClientError, ConnectionLostError, Message, QueueOptions
from reference_broker.client.handle import QueueHandle
from reference_broker.session import ClientQueue

URI = "bmq://d/q"


def handle(options: QueueOptions | None, *, is_writer: bool) -> QueueHandle:
    return QueueHandle(ClientQueue(QueueUri.parse(URI), (0, 0), options, is_writer=is_writer))


def test_a_handle_that_has_failed_has_no_messages_and_says_why_first():
    reader = handle(QueueOptions(), is_writer=False)
    reader._inbox.append(Message(reader._queue, bytes(16), 0, 0, 0, b"x"))
    reader._check_reader()
    reader._fail(ClientError, "it is closed")
    reader._fail(ConnectionLostError, "all is lost")
    assert not reader._inbox
    for check in (reader._check_open, reader._check_reader, reader._check_writer):
        with pytest.raises(ClientError, match="it is closed"):
            check()


def test_what_a_queue_was_opened_for():
    reader, writer = handle(QueueOptions(), is_writer=False), handle(None, is_writer=True)
    reader._check_reader()
    writer._check_writer()
    with pytest.raises(ClientError, match=f"{URI} was not opened for writing"):
        reader._check_writer()
    with pytest.raises(ClientError, match=f"{URI} was not opened for reading"):
        writer._check_reader()


def test_all_messages_are_taken_once():
    reader = handle(QueueOptions(max_unconfirmed_messages=7), is_writer=False)
    message = Message(reader._queue, bytes(16), 0, 0, 0, b"x")
    reader._inbox += [message, message]
    assert reader._take_all() == [message, message]
    assert reader._take_all() == []
    assert (reader.uri, reader.options.max_unconfirmed_messages) == (URI, 7)
