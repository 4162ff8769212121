"""API keys in every form in which the servers and people hand them over."""

import base64
import json

import pytest
from pydantic import ValidationError

from sinks.config import ElasticsearchSinkConfig
from sinks.config.api_key import ApiKeyProblem, usable_api_key

ID, KEY = "VuaCfGcBCdbkQm-e5aOx", "ui2lp2axTNmsyakw9tvNnw"
ENCODED = base64.b64encode(f"{ID}:{KEY}".encode()).decode()
MADE = {"id": ID, "name": "siem", "expiration": 1544068612110, "api_key": KEY, "encoded": ENCODED}


@pytest.mark.parametrize(
    "text",
    [
        ENCODED,
        f"{ID}:{KEY}",
        f"ApiKey {ENCODED}",
        f"apikey {ID}:{KEY}",
        f"Authorization: ApiKey {ENCODED}",
        f'"{ENCODED}"',
        f"'{ID}:{KEY}'",
        f'ES_API_KEY="{ENCODED}"',
        f"export ES_API_KEY={ID}:{KEY}",
        json.dumps(MADE),
        json.dumps(MADE, indent=2) + "\n",
        json.dumps({name: value for name, value in MADE.items() if name != "encoded"}),
        json.dumps({"api_key": f"{ID}:{KEY}"}),
    ],
)
def test_every_form_of_a_whole_key_is_the_same_header(text: str) -> None:
    assert usable_api_key(text) == ENCODED


@pytest.mark.parametrize("text", ["essu_Vm9pZA==", "os_0123456789", "aWQ6a2V5", "a2V5", "VGhpcyBpcyBub3QgYSBwYWly=="])
def test_keys_of_other_makes_are_taken_as_they_are(text: str) -> None:
    assert usable_api_key(text) == text


REFUSED = [
    (ID, "is half a key"),
    (KEY, "is half a key"),
    (f'"{KEY}"', "is half a key"),
    (f"ApiKey {KEY}", "is half a key"),
    (json.dumps({"api_key": KEY}), "is half a key"),
    (json.dumps({"id": ID, "name": "siem"}), "is JSON without `encoded`"),
    (f'"{ENCODED}', "begins with a quotation mark"),
    (f"{ENCODED}'", "ends with a quotation mark"),
    ("${ES_API_KEY}", "begins with $"),
    ("{{ key }}", "begins with a brace"),
    (f"Bearer {ENCODED}", "begins with Bearer"),
    (f"{ID} : {KEY}", "holds a space"),
    (f"{ID}:{KEY}:{KEY}", "holds a colon"),
    (f"{ENCODED}\n\n", "holds a line break"),
    (f"{ID}:{KEY}\n{ID}:{KEY}", "holds a line break"),
    ("*****", "is a mask"),
]


@pytest.mark.parametrize(("text", "why"), REFUSED)
def test_what_is_no_whole_key_is_refused_at_the_start_and_never_shown(text: str, why: str) -> None:
    with pytest.raises(ApiKeyProblem) as caught:
        usable_api_key(text)
    assert str(caught.value).startswith(why)
    table = {"type": "elasticsearch", "hosts": ["https://localhost:9200"], "target": "logs-okta", "api_key_env": "KEY"}
    with pytest.raises(ValidationError) as refused:
        ElasticsearchSinkConfig.model_validate(table, context={"environ": {"KEY": text}})
    assert f"environment variable KEY {why}" in str(refused.value)
    for shown in (ID, KEY, ENCODED):
        assert shown not in str(refused.value)
