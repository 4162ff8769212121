"""`debugData`: structures in disguise, and the fields that are made of them."""

from typing import Any

import pytest

from tests.unit.flows.pipeline.formats.events import changed, debug
from tests.unit.flows.pipeline.formats.test_ecs import mapped


def data_of(**sent: Any) -> dict[str, Any]:
    okta: dict[str, Any] = mapped(changed(debugContext=debug(**sent)))["okta"]
    found: dict[str, Any] = okta["debug_context"]["debug_data"]
    return found


@pytest.mark.parametrize(
    ("risk", "flattened", "level", "reasons"),
    [
        ("{level=LOW}", {"risk": {"level": "LOW"}}, "LOW", None),
        ("{reasons=Odd Device, level=HIGH}", {"risk": {"reasons": "Odd Device", "level": "HIGH"}}, "HIGH", ["Odd Device"]),
        ("reasons=A, level=LOW", {"risk": {"reasons": "A", "level": "LOW"}}, "LOW", ["A"]),
        ("reasons=A, B, level=HIGH",
         {"risk": {"reasons": "A, B", "level": "HIGH"}, "risk_object": "reasons=A, B, level=HIGH"}, "HIGH", ["A", "B"]),
        ("{level=MEDIUM, reasons=A, B}",
         {"risk": {"reasons": "A, B", "level": "MEDIUM"}, "risk_object": "{level=MEDIUM, reasons=A, B}"}, "MEDIUM", ["A", "B"]),
        ("nothing of the kind", {"risk": "nothing of the kind", "risk_object": "nothing of the kind"}, None, None),
        ({"level": "HIGH"}, {"risk": {"level": "HIGH"}}, "HIGH", None),
        (7, {"risk": 7}, None, None),
        ("{level=}", {"risk": {"level": ""}}, None, None),
    ],
)  # fmt: skip
def test_risk(risk: Any, flattened: Any, level: str | None, reasons: list[str] | None) -> None:
    found = data_of(risk=risk)
    assert found["flattened"] == flattened
    assert found.get("risk_level") == level
    assert found.get("risk_reasons") == reasons


def test_what_only_the_log_says_of_risk_goes_first() -> None:
    found = data_of(
        risk="{level=LOW, reasons=A}", logOnlySecurityData='{"risk":{"level":"HIGH","reasons":"B, C"},"behaviors":{"New IP":"POSITIVE"}}'
    )
    assert (found["risk_level"], found["risk_reasons"]) == ("HIGH", ["B", "C"])
    assert "risk_behaviors" not in found


@pytest.mark.parametrize("sent", ["plain text: {no json", "{broken", "", "[1", "7", "New IP:NEGATIVE; {}"])
def test_a_text_that_is_no_structure_stays_a_text(sent: str) -> None:
    found = data_of(logOnlySecurityData=sent, behaviors=sent, tunnels=sent, requestId="1")
    assert found["flattened"] == {"requestId": "1"} | dict.fromkeys(("logOnlySecurityData", "behaviors", "tunnels") if sent else (), sent)
    assert found["request_id"] == "1"


def test_values_that_are_no_texts() -> None:
    found = data_of(originalPrincipal={"id": "1", "type": "User"}, requestId=7, url={"a": 1}, dtHash=None, list=["a", ""])
    assert found["flattened"] == {"originalPrincipal": {"id": "1", "type": "User"}, "requestId": 7, "url": {"a": 1}, "list": ["a"]}
    assert found["request_id"] == 7
    assert "url" not in found


def test_a_map_without_structures_goes_out_as_it_came() -> None:
    assert data_of(a="1", requestedScopes="openid", grantType="x", clientSecret="s", grantedScopes="p") == {
        "client_secret": "s",
        "flattened": {"a": "1", "requestedScopes": "openid", "grantType": "x", "clientSecret": "s", "grantedScopes": "p"},
        "grant_type": "x", "granted_scopes": "p", "requested_scopes": "openid",
    }  # fmt: skip
    assert data_of(a="1") == {"flattened": {"a": "1"}}


@pytest.mark.parametrize(
    "context", [None, {}, {"debugData": None}, {"debugData": ""}, {"debugData": {}}, {"debugData": {"a": None}}, {"debugData": [1]}]
)
def test_no_data(context: Any) -> None:
    assert "debug_context" not in mapped(changed(debugContext=context))["okta"]
