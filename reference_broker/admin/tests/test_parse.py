"""Parsing against the peer's own parser, and against anything at all."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reference_broker.admin import (
    CommandError,
    OutputEncoding,
    ParsedCommand,
    ReconfigureDomain,
    SetStatTunable,
    ShowHelp,
    decode_error_text,
    parse_command,
)
from reference_broker.admin.tests.json_of_commands import json_of
from reference_broker.admin.tests.samples import parsed_commands, real_answers
from reference_broker.base.limits import ADMIN_COMMAND_CHARS_MAX, ADMIN_NAME_CHARS_MAX

KEYWORDS = [
    "ENCODING",
    "TEXT",
    "JSON_COMPACT",
    "JSON_PRETTY",
    "HELP",
    "PLUMBING",
    "BROKERCONFIG",
    "DUMP",
    "DOMAINS",
    "DOMAIN",
    "PURGE",
    "INFOS",
    "QUEUE",
    "INTERNALS",
    "LIST",
    "UNLIMITED",
    "RECONFIGURE",
    "RESOLVER",
    "CACHE_CLEAR",
    "ALL",
    "REMOVE",
    "FINALIZE",
    "CONFIGPROVIDER",
    "STAT",
    "SHOW",
    "SET",
    "GET",
    "LIST_TUNABLES",
    "CLUSTERS",
    "CLUSTER",
    "STATUS",
    "QUEUEHELPER",
    "STORAGE",
    "FORCE_GC_QUEUES",
    "SUMMARY",
    "PARTITION",
    "ENABLE",
    "DISABLE",
    "ROLLOVER",
    "QUEUE_STATUS",
    "REPLICATION",
    "SET_ALL",
    "GET_ALL",
    "STATE",
    "ELECTOR",
    "*",
    "0",
    "-5",
    "2147483648",
    "1e999",
    "name",
]
MEMBERS = [
    "help",
    "plumbing",
    "domains",
    "configProvider",
    "stat",
    "clusters",
    "brokerConfig",
    "encoding",
    "domain",
    "resolver",
    "all",
    "reconfigure",
    "remove",
    "finalize",
    "clearCache",
    "show",
    "setTunable",
    "getTunable",
    "listTunables",
    "dump",
    "list",
    "name",
    "cluster",
    "command",
    "purge",
    "info",
    "queue",
    "purgeAppId",
    "internals",
    "messages",
    "appId",
    "offset",
    "count",
    "status",
    "self",
    "queueHelper",
    "forceGcQueues",
    "storage",
    "state",
    "elector",
    "summary",
    "partition",
    "replication",
    "partitionId",
    "canonicalUri",
    "enable",
    "value",
    "theNull",
    "theBool",
    "theInteger",
    "theDouble",
    "theDate",
    "theTime",
    "theDatetime",
    "theString",
    "queueStatus",
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["TEXT", "2026-01-02", "\ud800", ""])
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=3) | st.lists(inner),
    max_leaves=12,
)


def refusal(text: str) -> str:
    with pytest.raises(CommandError) as caught:
        parse_command(text)
    return str(caught.value)


def test_the_oracle_is_whole():
    assert len(parsed_commands()) == 78


@pytest.mark.parametrize("line", parsed_commands(), ids=lambda line: line[0] or "(empty)")
def test_the_peers_answer(line):
    text, answer = line
    if answer.startswith("rc=-1 error: "):
        assert refusal(text) == answer.removeprefix("rc=-1 error: ")
        return
    parsed = parse_command(text)
    if isinstance(parsed.command, SetStatTunable):
        # The peer's encoder stops early for this command.
        assert json_of(parsed).startswith(answer)
    else:
        assert json_of(parsed) == answer
        assert parse_command(answer) == parsed


@given(st.lists(st.sampled_from(KEYWORDS) | st.text(max_size=5)).map(" ".join))
@example("domains domain d queue q list")
def test_words_are_a_command_or_refused(text):
    try:
        parsed = parse_command(text)
    except CommandError:
        return
    assert parse_command(json_of(parsed)) == parsed


@given(st.text() | st.text(st.characters(min_codepoint=0xD700, max_codepoint=0xE000)))
@example("{")
@example("{" * 65)
@example('{"help":' + "[" * 70)
@example('{"help":' + "9" * 5000 + "}")
@example('{"help":{},"x":NaN}')
@example("\udcff")
def test_any_text_is_a_command_or_refused(text):
    for each in (text, "{" + text):
        try:
            assert isinstance(parse_command(each), ParsedCommand)
        except CommandError as error:
            str(error).encode()


@given(st.dictionaries(st.sampled_from(MEMBERS), TREES, max_size=3))
def test_any_object_is_a_command_or_refused(tree):
    try:
        assert isinstance(parse_command(json.dumps(tree)), ParsedCommand)
    except CommandError as error:
        str(error).encode()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("CONFIGPROVIDER FOO d", "Invalid CONFIGPROVIDER subcommand: FOO"),
        ("CONFIGPROVIDER", "CONFIGPROVIDER command must be followed by a subcommand."),
        ("DOMAINS RESOLVER", "DOMAINS RESOLVER command must be followed by a subcommand."),
        ("DOMAINS RESOLVER x", "Invalid DOMAINS RESOLVER subcommand: x"),
        ("BROKERCONFIG x", "Unexpected BROKERCONFIG subcommand: x"),
        ("STAT SET", "The command STAT SET must be followed by a parameter name."),
        ("STAT GET", "The command STAT GET must be followed by a parameter name."),
        (
            "STAT SET x",
            "The command STAT SET <parameter> must be followed by a new value for the parameter.",
        ),
        (
            "DOMAINS x",
            (
                "The DOMAINS command must be followed by one of the [DOMAIN, RESOLVER, RECONFIGURE] "
                "subcommands, but the following was given: x"
            ),
        ),
        ("DOMAINS DOMAIN d x", "Invalid DOMAIN subcommand: x"),
        (
            "DOMAINS DOMAIN d QUEUE q",
            (
                "DOMAINS DOMAIN <name> QUEUE <queue_name> command must have a subcommand, such as "
                "PURGE, INTERNALS, or LIST."
            ),
        ),
        (
            "DOMAINS DOMAIN d QUEUE q x",
            "Invalid DOMAINS DOMAIN <name> QUEUE <queue_name> subcommand: x",
        ),
        ("DOMAINS REMOVE", "DOMAINS REMOVE command must be followed by a domain name."),
        ("CLUSTERS CLUSTER c x", "Invalid subcommand after CLUSTERS CLUSTER <name>: x"),
        (
            "CLUSTERS CLUSTER c STORAGE",
            "The command CLUSTERS CLUSTER <name> STORAGE must be followed by a subcommand.",
        ),
        (
            "CLUSTERS CLUSTER c STORAGE x",
            "Invalid subcommand after CLUSTERS CLUSTER <name> STORAGE: x",
        ),
        (
            "CLUSTERS CLUSTER c STORAGE PARTITION",
            (
                "The command CLUSTERS CLUSTER <name> STORAGE PARTITION must be followed by a "
                "<partitionId>."
            ),
        ),
        (
            "CLUSTERS CLUSTER c STORAGE PARTITION x",
            (
                "Invalid <partitionId> in command CLUSTERS CLUSTER <name> STORAGE PARTITION "
                "<partitionId>: x"
            ),
        ),
        (
            "CLUSTERS CLUSTER c STORAGE PARTITION 0",
            (
                "The command CLUSTERS CLUSTER <name> STORAGE PARTITION <partitionId> must be followed "
                "by a subcommand."
            ),
        ),
        (
            "CLUSTERS CLUSTER c STORAGE PARTITION 0 x",
            "Invalid subcommand after CLUSTERS CLUSTER <name> STORAGE PARTITION <partitionId>: x",
        ),
        (
            "CLUSTERS CLUSTER c STORAGE DOMAIN",
            "The command CLUSTERS CLUSTER <name> STORAGE DOMAIN must be followed by a domain name.",
        ),
        (
            "CLUSTERS CLUSTER c STORAGE DOMAIN d x",
            "Invalid subcommand after CLUSTERS CLUSTER <name> STORAGE DOMAIN <domain_name>: x",
        ),
        (
            "CLUSTERS CLUSTER c STORAGE REPLICATION SET_ALL",
            (
                "The command CLUSTERS CLUSTER <name> STORAGE REPLICATION SET must be followed by a "
                "parameter name."
            ),
        ),
        (
            "CLUSTERS CLUSTER c STATE ELECTOR GET",
            (
                "The command CLUSTERS CLUSTER <name> STATE ELECTOR [GET|GET_ALL] must be followed by a "
                "parameter name."
            ),
        ),
        (
            "CLUSTERS CLUSTER c STATE ELECTOR SET q",
            (
                "The command CLUSTERS CLUSTER <name> STATE ELECTOR [SET|SET_ALL] <parameter> must be "
                "followed by a new value for the parameter."
            ),
        ),
        (
            "CLUSTERS CLUSTER c STATE ELECTOR x",
            "Invalid subcommand after CLUSTERS CLUSTER <name> STATE ELECTOR: x",
        ),
        ("CLUSTERS CLUSTER c STATE x", "Invalid subcommand after CLUSTERS CLUSTER <name> STATE: x"),
    ],
)
def test_reasons_that_the_recording_lacks(text, reason):
    assert refusal(text) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"clusters":{"list":{}', "Expecting ',' delimiter at character 22"),
        ("{}", "command is () but must have exactly one of help"),
        ('{"help":{},"stat":{"show":{}}}', "must have exactly one of help"),
        ('{"help":{},"help":{}}', "help is {} but is given twice in one object"),
        ('{"help":{},"encoding":"XML"}', "encoding is 'XML' but must be one of TEXT"),
        ('{"help":1}', "help is 1 but must be an object"),
        ('{"help":{"plumbing":1}}', "plumbing is 1 but must be true or false"),
        ('{"domains":{"reconfigure":{}}}', "domain is None but must be a text that is not empty"),
        ('{"domains":{"reconfigure":{"domain":"\\ud800"}}}', "must be valid Unicode"),
        ('{"stat":{"setTunable":{"name":"x","value":{"theDate":"no"}}}}', "cannot be theDate"),
        ('{"stat":{"setTunable":{"name":"x","value":{"theBool":1}}}}', "cannot be theBool"),
        ('{"help":' + "[" * 64 + "]" * 64 + "}", "more than 64 levels"),
    ],
)
def test_refused_json(text, reason):
    refused = refusal(text)
    assert reason in refused
    assert refused.startswith("Error decoding JSON command [rc: -1, error: '")


def test_unknown_members_are_skipped():
    text = '{"help":{"x":[1,{"y":null}]},"more":{"help":{}}}'
    assert parse_command(text) == ParsedCommand(ShowHelp())


def test_a_tunable_without_nodes_is_this_nodes():
    text = '{"clusters":{"cluster":{"name":"c","command":{"state":{"elector":{"getTunable":{"name":"q"}}}}}}}'
    assert parse_command(text) == parse_command("CLUSTERS CLUSTER c STATE ELECTOR GET q")


@pytest.mark.parametrize(
    "storage",
    [
        '{"domain":{"name":"d","command":{"purge":{}}}}',
        '{"queue":{"canonicalUri":"bmq://d/q","command":{"purgeAppId":"*"}}}',
    ],
)
def test_purging_a_storage_can_be_said_in_json_only(storage):
    text = f'{{"clusters":{{"cluster":{{"name":"c","command":{{"storage":{storage}}}}}}},"encoding":"TEXT"}}'
    assert json_of(parse_command(text)) == text


def test_limits():
    longest = "d" * ADMIN_NAME_CHARS_MAX
    parsed = parse_command(f"DOMAINS RECONFIGURE {longest}")
    assert parsed.command == ReconfigureDomain(longest)
    assert refusal(f"DOMAINS RECONFIGURE {longest}d") == (
        "Word has 4097 characters, at most 4096 are allowed"
    )
    document = json.dumps({"domains": {"reconfigure": {"domain": longest + "d"}}})
    assert "must not have more than 4096 characters" in refusal(document)
    blanks = " " * (ADMIN_COMMAND_CHARS_MAX - len("HELP"))
    assert parse_command(f"HELP{blanks}") == ParsedCommand(ShowHelp(), OutputEncoding.TEXT)
    assert refusal(f"HELP{blanks} ") == "Command has 65537 characters, at most 65536 are allowed"


def test_only_ascii_has_cases():
    assert refusal("\N{LATIN SMALL LETTER LONG S}TAT SHOW").startswith("Invalid command.")
    assert parse_command(string.capwords("help plumbing")).command == ShowHelp(plumbing=True)


def test_a_refusal_as_the_answer():
    assert decode_error_text(refusal("FOO")) == real_answers()["FOO"]
