"""Traps 34 and 36: an event goes through byte for byte, a broken one takes no other with it, and each says whose it is."""

import json
from datetime import UTC, datetime
from pathlib import Path

import orjson

from okta_source.simulator import Faults, Organisation, Simulator
from tests.e2e.harness import Workplace, judge
from tests.e2e.traps.rig import drain, event, series, workplace

NOW = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.123Z"


def odd(number: int, members: str) -> bytes:
    """An event with members that Okta never documented, as they stand."""
    return f'{{"uuid":"{number:08x}-0000-11f0-8000-00000000abcd","published":"{NOW}","eventType":"user.session.start",{members}}}'.encode()


ODD = {
    "unknown nested key": '"newThing":{"a":{"b":{"c":{"d":{"e":{"f":{"g":[[[{"h":1}]]]}}}}}}},"target":null',
    "large integer": '"n":12345678901234567890,"m":-9223372036854775809,"k":123456789012345678901234567890',
    "number forms": '"n":1e3,"m":1.10,"k":1E+2,"l":-0,"i":0.1e-7,"j":100000000000000000000.000000000000000000001',
    "escapes": r'"s":"caf\u00e9 \ud83d\ude80 a\/b \"q\" \\ \u003c \u2028 \u0000","t":"café 🚀"',
    "key order": '"z":1,"a":2,"m":3,"b":{"z":1,"a":2}',
    "spacing": '"a" :  1 ,\t"b":[ 1,2 , 3 ],  "c" : { } ',
    "repeated key": '"a":1,"a":2',
    "texts that look like nothing": '"zone":"null","device":"None","x":"unknown","y":"","z":"NaN"',
    "deep": '"d":' + "[" * 100 + "]" * 100,
    "a name of other readers, and ours further in": '"@timestamp":"1999","x":{"_okta_tenant":"somebody else"}',
    "long": f'"s":"{"x" * 300_000}"',
}


def test_trap_34_whatever_an_event_holds_comes_out_byte_for_byte(tmp_path: Path) -> None:
    events = [odd(number, members) for number, members in enumerate(ODD.values())]
    organisation = Organisation("acme")
    organisation.append(events)
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=4)
        assert drain(place) == {}
    lines = place.lines("acme")
    assert len(lines) == len(events)
    for name, sent, line in zip(ODD, events, lines, strict=True):
        assert line.startswith(b'{"_okta_event_type":"systemLog",'), name
        assert line.endswith(b"," + sent[1:]), name
    assert place.dead_letters() == []


def test_trap_34_line_breaks_between_tokens_become_spaces_and_nothing_else_changes(tmp_path: Path) -> None:
    pretty = b'{\n  "uuid": "pretty",\r\n  "published": "%s",\n  "eventType": "t",\n  "text": "a\\nb",\n  "n": 1.10\n}' % NOW.encode()
    organisation = Organisation("acme")
    organisation.append([pretty, event(1, datetime.now(UTC))])
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation)
        drain(place)
    line = place.lines("acme")[0]
    assert line.endswith(pretty[1:].replace(b"\r", b" ").replace(b"\n", b" "))
    assert orjson.loads(line)["text"] == "a\nb"


MALFORMED = {
    "no uuid": b'{"published":"%s","eventType":"t","n":1e3}' % NOW.encode(),
    "null uuid": b'{"uuid":null,"published":"%s","eventType":"t"}' % NOW.encode(),
    "a member of our own": b'{"uuid":"u","published":"%s","eventType":"t","_okta_tenant":"somebody else"}' % NOW.encode(),
    "published at no moment": b'{"uuid":"u","published":"0001-01-01T00:00:00+14:00","eventType":"t"}',
    "published is no time": b'{"uuid":"u","published":"yesterday","eventType":"t"}',
    "published without a zone": b'{"uuid":"u","published":"2026-01-01T00:00:00","eventType":"t"}',
    "a text": b'"not an event"',
    "a number": b"17",
    "null": b"null",
    "a list": b"[]",
    "empty": b"{}",
    "lone surrogate": b'{"uuid":"u","published":"%s","eventType":"\\ud800"}' % NOW.encode(),
    "not UTF-8": b'{"uuid":"u","published":"%s","eventType":"t","s":"\xff"}' % NOW.encode(),
    "no JSON inside": b'{"uuid":"u","published":"%s","eventType":"t","n":01}' % NOW.encode(),
}


# These make the whole body undecodable at first: only when it comes a second time, the same, is it taken apart.
ASKED_FOR_TWICE = {"lone surrogate", "not UTF-8", "no JSON inside"}


def test_trap_34_a_malformed_event_does_not_lose_its_page(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    good = [event(number, now) for number in range(100)]
    organisations = {name: Organisation(name.lower().replace(" ", "-")) for name in MALFORMED}
    for name, organisation in organisations.items():
        organisation.append([*good[:50], MALFORMED[name], *good[50:]])
    with Simulator(list(organisations.values())) as sim:
        place = Workplace(tmp_path)
        place.add_all(sim, organisations.values(), page_limit=101)
        place.write()
        assert drain(place) == {}
        # Once, not at every run.
        drain(place)
    written = [line for path in (tmp_path / "dead" / "input").iterdir() for line in path.read_bytes().splitlines()]
    letters = {json.loads(line)["tenant"]: line for line in written}  # orjson refuses a lone surrogate
    assert len(written) == len(letters) == len(MALFORMED)
    for name, organisation in organisations.items():
        judge(place.lines(organisation.name), good, organisation.name)
        assert series("okta_events_malformed_total", tenant=organisation.name) == 1
        line = letters[organisation.name]
        letter = json.loads(line)
        assert (letter["sink"], letter["status"], letter["attempts"]) == ("input", 200, 2 if name in ASKED_FOR_TWICE else 1)
        assert letter["reason"]
        kept = line.partition(b',"event":')[2][:-1]
        as_text = orjson.dumps(MALFORMED[name].decode(errors="backslashreplace"))
        assert kept in (MALFORMED[name], as_text), name


def test_trap_34_malformed_elements_of_every_kind_in_a_busy_log(tmp_path: Path) -> None:
    organisation = Organisation("acme", events=1000, faults=Faults(malformed_event=0.5))
    with Simulator([organisation]) as sim:
        place = workplace(tmp_path, sim.url("acme"), organisation, page_limit=20)
        assert drain(place) == {}
    place.judge(organisation)
    assert len(place.dead_letters()) >= 10


def test_trap_36_every_event_says_which_organisation_it_is_of(tmp_path: Path) -> None:
    organisations = [Organisation(name, seed=seed, events=150) for seed, name in enumerate(("acme", "globex", "initech"))]
    with Simulator(organisations) as sim:
        place = Workplace(tmp_path)
        place.add_all(sim, organisations, page_limit=40)
        place.entries[1] += '\n[tenants.labels]\ncustomer = "Globex \\"Corp\\""\nworkspace = "emea"'
        place.write()
        organisations[2].append([b'"broken"'])
        drain(place)
        for organisation in organisations:
            for line in place.lines(organisation.name):
                tags = orjson.loads(line)
                assert tags["_okta_event_type"] == "systemLog"
                assert tags["_okta_tenant"] == organisation.name
                assert tags["_okta_org"] == sim.url(organisation.name).partition("://")[2]
                assert tags["_okta_category"] in {"authentication", "user_management", "administrative", "system", "security"}
                assert tags["_okta_source"] == "poll"
                assert abs((datetime.now(UTC) - datetime.fromisoformat(tags["_okta_ingested_at"])).total_seconds()) < 60
                expected = {"customer": 'Globex "Corp"', "workspace": "emea"} if organisation.name == "globex" else None
                assert tags.get("_okta_labels") == expected
            assert len(place.lines(organisation.name)) == 150
    assert [letter["tenant"] for letter in place.dead_letters()] == ["initech"]
