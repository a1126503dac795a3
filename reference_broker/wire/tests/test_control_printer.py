"""Control messages as one line, in the layout of the real broker's answers and log lines."""

from __future__ import annotations

from reference_broker.wire.control import (
    ClientIdentity,
    ClientType,
    ConfigureStream,
    ConsumerInfo,
    ControlMessage,
    OpenQueue,
    QueueHandleParameters,
    StreamParameters,
    Subscription,
    print_message,
)


def test_a_request_prints_as_in_the_real_brokers_log():
    parameters = QueueHandleParameters(uri="bmq://d/q", q_id=7, flags=4, write_count=1)
    message = ControlMessage(r_id=3, choice=OpenQueue(handle_parameters=parameters))
    assert print_message(message) == (
        '[ rId = 3 choice = [ openQueue = [ handleParameters = [ uri = "bmq://d/q" qId = 7 '
        "subIdInfo = NULL flags = 4 readCount = 0 writeCount = 1 adminCount = 0 ] ] ] ]"
    )


def test_arrays_and_enumerations_print_as_in_the_real_brokers_answer():
    consumer = ConsumerInfo(1, 100000, 0, 1)
    subscription = Subscription(s_id=1, consumers=(consumer,))
    text = print_message(StreamParameters(subscriptions=(subscription,)))
    assert text == (
        '[ appId = "__default" subscriptions = [ [ sId = 1 expression = [ version = E_UNDEFINED '
        'text = "" ] consumers = [ [ maxUnconfirmedMessages = 1 maxUnconfirmedBytes = 100000 '
        "consumerPriority = 0 consumerPriorityCount = 1 ] ] ] ] ]"
    )
    assert print_message(StreamParameters()) == '[ appId = "__default" subscriptions = [ ] ]'
    assert "request = [ qId = 5" in print_message(
        ControlMessage(r_id=1, choice=ConfigureStream(q_id=5))
    ).replace("configureStream", "request")


def test_an_identity_shows_its_user_agent():
    identity = ClientIdentity(client_type=ClientType.E_TCPCLIENT, user_agent="tool libbmq:1.2.3")
    text = print_message(identity)
    assert "clientType = E_TCPCLIENT" in text
    assert 'userAgent = "tool libbmq:1.2.3" ]' in text
