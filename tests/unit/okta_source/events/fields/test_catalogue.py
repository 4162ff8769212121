"""What Okta documents, and what somebody may have meant."""

import pytest

from okta_source.events.fields import OKTA_FIELDS, event_types, is_known, suggest_event_type, suggest_field
from okta_source.events.fields.catalogue import ARRAYS, canonical


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ACTOR.alternateid", "actor.alternateId"),
        ("debugcontext.DEBUGDATA.MyOwn.Name", "debugContext.debugData.MyOwn.Name"),
        ("Surprise.Member", "Surprise.Member"),
        ("request.ipchain.GEOGRAPHICALCONTEXT.country", "request.ipChain.geographicalContext.country"),
    ],
)
def test_a_path_is_written_as_okta_does(written: str, meant: str) -> None:
    assert canonical(written) == meant


@pytest.mark.parametrize(
    "path",
    [
        "actor.alternateId", "eventtype", "target", "target.user.alternateId", "target.user.detailEntry.anything",
        "target.detailEntry.policyType", "behaviors.new_device", "behaviors.anything", "risk.level", "actor.domain", "tenant",
        "_okta_category", "_okta_labels.customer",
    ],
)  # fmt: skip
def test_known_paths(path: str) -> None:
    assert is_known(path)


@pytest.mark.parametrize(
    ("path", "suggestion"),
    [
        ("actor.alternativeId", "actor.alternateId"),
        ("alternateId", "actor.alternateId"),
        ("event.Type", "eventType"),
        ("target.user.altrnateId", "target.user.alternateId"),
        ("debugContext.debugData.requesturl", "debugContext.debugData.requestUri"),
        ("zzzz.qqqq", None),
        ("target.foo", None),
        ("client.foo", None),
        ("client.userAgent.foo", None),
        ("client.ip", "client.ipAddress"),
        ("client.country", "client.geographicalContext.country"),
        ("client.ipChain.adress", None),
        ("target.usr.id", "target.user.id"),
    ],
)
def test_unknown_paths(path: str, suggestion: str | None) -> None:
    assert not is_known(path)
    assert suggest_field(path) == suggestion


def test_event_types() -> None:
    assert len(event_types()) > 1_000
    assert {"user.session.start", "system.api_token.create"} <= event_types()
    assert suggest_event_type("user.lifecycle.suspended") == "user.lifecycle.suspend"
    assert suggest_event_type("USER.SESSION.START") == "user.session.start"
    assert suggest_event_type("nothing like it") is None


def test_arrays_are_among_the_fields() -> None:
    assert set(OKTA_FIELDS) >= ARRAYS
