"""Answers that repeat the credential of their request."""

import base64
import json
import socket
from urllib.parse import quote, unquote

import pytest

from okta_source.http.masking import without
from okta_source.polling.outcome import Response
from okta_source.polling.verdict import failure_of
from tests.unit.okta_source.fakes import ORG, answer
from tests.unit.okta_source.wire import TOKEN, Connect, page, reply, serving


def test_a_refusal_is_masked_in_body_and_headers_with_and_without_the_scheme() -> None:
    echo = answer(b"sent: Bearer at-12345, at-12345, proof-1", status=401, WWW_Authenticate='Bearer error="at-12345"', Date="now")
    masked = without(echo, ["Bearer at-12345", "proof-1"])
    assert masked.body == b"sent: ***, ***, ***"
    assert masked.headers["www-authenticate"] == 'Bearer error="***"'
    assert masked.headers["Date"] == "now"
    assert masked.status == 401


def test_a_page_of_events_is_never_touched() -> None:
    body = b'[{"uuid":"at-12345"}]'
    assert without(answer(body), ["Bearer at-12345"]).body == body


def test_half_an_emoji_beside_the_credential_is_no_way_out() -> None:
    masked = without(answer(rb'{"errorSummary":"\ud83d \u0061t-12345"}', status=401), ["Bearer at-12345"])
    assert masked.body == b'{"errorSummary": "? ***"}'


def test_what_is_too_short_to_be_a_secret_does_not_spoil_the_words() -> None:
    assert without(answer(b"E0000011", status=401), ["SSWS 0", ""]).body == b"E0000011"


@pytest.mark.parametrize("status", ["401 Unauthorized", "400 Bad Request", "302 Found", "500 No"])
def test_a_server_that_repeats_the_token_makes_nobody_log_it(connect: Connect, status: str) -> None:
    def echo(connection: socket.socket, head: bytes) -> None:
        sent = next(line for line in head.split(b"\r\n") if line.startswith(b"Authorization: ")).partition(b": ")[2]
        body = b'{"errorCode":"E0000011","errorSummary":"You sent %s."}' % sent
        connection.sendall(reply(body, f"Location: https://elsewhere/{sent.decode()[5:]}", status=status))

    with serving(echo) as wire:
        message = failure_of(page(connect(wire.url).get(wire.url + "/x")), ORG).message
    assert "***" in message
    assert TOKEN not in message


SECRET = "00aB-cD_eF+gH/iJ~kL"


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04X}" for character in text)


@pytest.mark.parametrize(
    "said",
    [
        SECRET,
        _escaped(SECRET),
        SECRET[:5] + _escaped(SECRET[5]) + SECRET[6:],
        quote(SECRET, safe=""),
        "".join(f"%{ord(character):02x}" for character in SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"id:{SECRET}".encode()).decode(),
        base64.b64encode(f"a:{SECRET};more".encode()).decode(),
        base64.urlsafe_b64encode(f"abc{SECRET}".encode()).decode(),
    ],
)
def test_a_secret_is_found_in_every_form_in_which_it_may_come_back(said: str) -> None:
    body = b'{"errorCode":"E0000011","errorSummary":"Invalid token: ' + said.encode() + b'"}'
    answer = without(Response(401, {"X-Said": said, "Location": f"https://x/?t={said}"}, body), [f"SSWS {SECRET}"])
    message = failure_of(answer, "https://acme.okta.com").message
    for text in (message, json.loads(answer.body)["errorSummary"], *map(unquote, answer.headers.values())):
        assert SECRET not in text
        assert base64.b64encode(SECRET.encode()).decode()[4:20] not in text
    assert "***" in message
