"""Fields of an event by their paths: the structs, and the plain tree that judges them."""

import json
import random
from typing import Any

import msgspec
import pytest

from okta_source.events.fields import MISSING, OKTA_FIELDS, VIRTUAL_FIELDS, FieldReader, TreeReader

EVENT = {
    "uuid": "u1",
    "eventType": "user.mfa.factor.reset_all",
    "actor": {"id": "00u1", "alternateId": "Ada@Example.com", "displayName": None},
    "client": {"ipAddress": "192.0.2.1", "geographicalContext": {"country": "France", "geolocation": {"lat": 48.9, "lon": 2.3}}},
    "device": None,
    "debugContext": {
        "debugData": {
            "dtHash": "d",
            "Odd Name": 7,
            "behaviors": "{New Geo-Location=NEGATIVE, New Device=POSITIVE, Velocity=UNKNOWN}",
            "risk": "{reasons=Anomalous Location, New IP, level=HIGH}",
        }
    },
    "request": {"ipChain": [{"ip": "192.0.2.1"}, {"ip": None}, {"version": "V4"}, "odd"]},
    "target": [
        {"id": "0oa1", "type": "AppInstance", "alternateId": "CRM"},
        {"id": "00u2", "type": "User", "alternateId": "bob@example.com", "detailEntry": {"methodTypeUsed": "Push"}},
        {"id": "00u3", "type": "User", "alternateId": "eve@example.com"},
    ],
}
EXPECTED = {
    "uuid": "u1",
    "EVENTTYPE": "user.mfa.factor.reset_all",
    "actor.alternateId": "Ada@Example.com",
    "Actor.alternateid": "Ada@Example.com",
    "actor.displayName": None,
    "actor.type": MISSING,
    "actor.domain": "example.com",
    "client.geographicalContext.country": "France",
    "client.geographicalContext.geolocation.lat": 48.9,
    "device": None,
    "device.id": MISSING,
    "outcome": MISSING,
    "outcome.result": MISSING,
    "debugContext.debugData.dtHash": "d",
    "debugContext.debugData.odd name": 7,
    "debugContext.debugData.nothing": MISSING,
    "request.ipChain.ip": ["192.0.2.1", None],
    "target.id": ["0oa1", "00u2", "00u3"],
    "target.detailEntry.methodTypeUsed": ["Push"],
    "target.user.id": "00u2",
    "target.User.detailEntry.methodTypeUsed": "Push",
    "target.app.alternateId": "CRM",
    "target.group.id": MISSING,
    "behaviors.new_device": "POSITIVE",
    "behaviors.New_Geo_Location": "NEGATIVE",
    "behaviors.new_city": MISSING,
    "risk.level": "HIGH",
    "risk.reasons": "Anomalous Location, New IP",
    "tenant": "acme",
    "unheardOf.name": MISSING,
}


def read(reader: Any, event: Any, path: str) -> Any:
    data = event if isinstance(event, bytes) else json.dumps(event).encode()
    return reader.accessor(path)(reader.decode(data, "acme"))


@pytest.mark.parametrize(("path", "value"), EXPECTED.items())
def test_a_path_alone(path: str, value: Any) -> None:
    assert read(FieldReader([path]), EVENT, path) == value
    assert read(TreeReader(), EVENT, path) == value


def test_all_paths_of_one_reader() -> None:
    known = [path for path in EXPECTED if path != "unheardOf.name"]
    reader = FieldReader(known)
    event = reader.decode(json.dumps(EVENT).encode(), "acme")
    assert {path: reader.accessor(path)(event) for path in known} == {path: EXPECTED[path] for path in known}
    with pytest.raises(KeyError):
        reader.accessor("severity")


def test_a_reader_makes_nothing_of_what_it_was_not_asked_for() -> None:
    reader = FieldReader(["actor.id", "outcome.result"])
    assert "Ada" not in repr(reader.decode(json.dumps(EVENT).encode()))


@pytest.mark.parametrize(
    ("event", "value"),
    [
        ({"actor": "ada"}, MISSING),
        ({"actor": None}, MISSING),
        ({"actor": 5}, MISSING),
        ({"actor": [{"id": "a"}, {"id": "b"}, 3, None, [{"id": "c"}]]}, ["a", "b", ["c"]]),
        ({"actor": []}, MISSING),
        ({"actor": {"id": {"x": 1}}}, {"x": 1}),
        ({"actor": {"id": 12345678901234567890123}}, 12345678901234567890123),
        (b'{"actor":{"id":"a","displayName":"\\ud83d"}}', "a"),
        (b'{"other":"\\ud83d","actor":{"id":"\\ud83d"}}', "\ud83d"),
        (b'{"actor":{"id":1e999}}', float("inf")),
        (b"[1]", MISSING),
        (b"no json", MISSING),
    ],
)
def test_an_odd_event(event: Any, value: Any) -> None:
    assert read(FieldReader(["actor.id"]), event, "actor.id") == value
    assert read(TreeReader(), event, "actor.id") == value


def test_targets_of_any_shape() -> None:
    for targets, value in [
        ({"type": "User", "id": "a"}, "a"),
        ([5, {"type": "user", "id": "b"}], "b"),
        ([{"type": None, "id": "b"}], MISSING),
        ("User", MISSING),
        (None, MISSING),
    ]:
        assert read(FieldReader(["target.user.id"]), {"target": targets}, "target.user.id") == value


def test_behaviors_and_risk_of_a_sign_on_policy_stand_in_json_text() -> None:
    text = json.dumps({"risk": {"level": "LOW"}, "behaviors": {"New Geo-Location": "POSITIVE"}})
    event = {"debugContext": {"debugData": {"logOnlySecurityData": text}}}
    assert read(FieldReader(["behaviors.new_geo_location"]), event, "behaviors.new_geo_location") == "POSITIVE"
    assert read(FieldReader(["risk.level"]), event, "risk.level") == "LOW"
    assert read(FieldReader(["risk.level"]), {"securityContext": {"risk": {"level": "MEDIUM"}}}, "risk.level") == "MEDIUM"
    torn = {"debugContext": {"debugData": {"logOnlySecurityData": text[:-5]}}}
    assert read(FieldReader(["risk.level"]), torn, "risk.level") is MISSING


def test_what_a_page_was_sliced_into_can_be_read() -> None:
    [raw] = msgspec.json.decode(b'[ {"actor":{"id":"a"}} ]', type=list[msgspec.Raw])
    reader = FieldReader(["actor.id"])
    assert [reader.accessor("actor.id")(reader.decode(data)) for data in (raw, memoryview(raw), bytes(raw))] == ["a"] * 3


def test_structs_and_tree_agree_on_random_events() -> None:
    rng = random.Random(16)
    paths = [*OKTA_FIELDS, *VIRTUAL_FIELDS, "DEBUGCONTEXT.debugdata.NEW", "actor.unknown.deep", "target.user.detailEntry.x"]
    tree = TreeReader()
    for _ in range(300):
        chosen = rng.sample(paths, rng.randint(1, 12))
        if rng.random() < 0.1:
            chosen.append("surprise.member")
        event = {}
        for path in {*rng.sample(OKTA_FIELDS, 15), *(path for path in chosen if path in OKTA_FIELDS)}:
            put(event, path.split("."), rng)
        data = json.dumps(event).encode()
        reader = FieldReader(chosen)
        one, other = reader.decode(data, "t"), tree.decode(data, "t")
        for path in chosen:
            assert plain(reader.accessor(path)(one)) == plain(tree.accessor(path)(other)), (path, event)


def put(event: dict[str, Any], segments: list[str], rng: random.Random) -> None:
    """Give a path a random value, now and then with an odd thing on the way."""
    inner: Any = event
    for place, segment in enumerate(segments):
        last = place == len(segments) - 1
        if type(inner) is list:
            inner = inner[rng.randrange(len(inner))] if inner else None
        if type(inner) is not dict:
            return
        drawn = rng.random()
        if last or drawn < 0.1:
            inner[segment] = rng.choice([None, True, 0, 1.5, "", "User", "x@y.z", [], ["a", None], {}, {"id": "i", "type": "User"}])
        elif drawn < 0.3 or segment in ("target", "ipChain"):
            inner.setdefault(segment, [{}, {"type": "User"}, 4])
        else:
            inner.setdefault(segment, {})
        inner = inner[segment]


def plain(value: Any) -> Any:
    return msgspec.to_builtins(value) if value is not MISSING else MISSING


def test_bytes_that_are_no_utf8_are_read_as_replacement_characters() -> None:
    reader = FieldReader(["displayMessage", "actor.id"])
    event = reader.decode(b'{"displayMessage":"a\xffb","actor":{"id":"00u1"}}')
    assert reader.accessor("displayMessage")(event) == "a\ufffdb"
    assert reader.accessor("actor.id")(event) == "00u1"
