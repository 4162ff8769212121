import base64
import contextlib
import inspect
import json
import time

import pytest
import standardwebhooks
import svix.webhooks

from sinks.delivery.batch import Batch, cut
from sinks.documents import Documents
from sinks.webhook.signature import check_secret, message_id, signature_headers

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


def headers_of(body: str, secret: str = SECRET, now: float | None = None) -> dict[str, str]:
    return {"webhook-id": "msg_1", **signature_headers("msg_1", body, secret, time.time() if now is None else now)}


def svix_accepts(body: str, headers: dict[str, str]) -> bool:
    try:
        # It parses what it has verified, which only a single document lets it do.
        with contextlib.suppress(json.JSONDecodeError):
            svix.webhooks.Webhook(SECRET).verify(body, headers)
    except svix.webhooks.WebhookVerificationError:
        return False
    return True


def standard_accepts(body: str, headers: dict[str, str]) -> bool:
    try:
        standardwebhooks.Webhook(SECRET).verify(body, headers, json_parse=False)
    except standardwebhooks.WebhookVerificationError:
        return False
    return True


ACCEPTS = pytest.mark.parametrize("accepts", [svix_accepts, standard_accepts])


def test_the_judge_is_not_the_library_that_signs():
    assert "standardwebhooks" not in inspect.getsource(svix.webhooks)


@ACCEPTS
@pytest.mark.parametrize("body", ["[1]", '{"a":1}\n{"a":2}\n', '{"a":"naïve 🔐 \u2028"}'])
def test_a_signature_is_verified(accepts, body):
    assert accepts(body, headers_of(body))


@ACCEPTS
@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": str(int(time.time()) - 1)},
        {"webhook-signature": "v1,AAAA"},
    ],
)
def test_a_changed_header_is_noticed(accepts, change):
    assert not accepts("[1]", {**headers_of("[1]", now=time.time()), **change})


@ACCEPTS
def test_a_tampered_body_is_noticed(accepts):
    assert not accepts("[2]", headers_of("[1]"))


@ACCEPTS
def test_another_secret_is_noticed(accepts):
    assert not accepts("[1]", headers_of("[1]", "whsec_" + base64.b64encode(b"another").decode()))


def test_a_signature_known_from_elsewhere():
    # The example of the Standard Webhooks libraries, which each of them is tested with.
    headers = signature_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 1614265330.9
    )
    assert headers == {"webhook-timestamp": "1614265330", "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}


@pytest.mark.parametrize("form", [SECRET, SECRET.removeprefix("whsec_"), SECRET.rstrip("=")])
def test_each_form_of_a_secret_is_the_same_key(form):
    check_secret(form)
    assert headers_of("x", form, 1.0) == headers_of("x", SECRET, 1.0)


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_not base64", "pässwort", "whsec_QUJD\n", "abc!", "QUJDR", "whsk_QUJD", "QUJD-_8=", "===="]
)
def test_anything_else_is_refused_without_being_shown(text):
    with pytest.raises(ValueError, match=r"openssl rand -base64 32") as caught:
        check_secret(text)
    assert not text or text not in str(caught.value).replace("'whsec_'", "")
    assert caught.value.__cause__ is None


# What a batch is known by


def test_the_same_events_have_the_same_id_for_ever(make_batch):
    # Receivers remember it: a new version must not change it.
    assert message_id(make_batch("1", "2")) == "msg_bcf08e864461016f66cf6ee3b518b90c"


def test_only_the_list_of_events_counts(make_part, make_batch):
    whole = make_batch("1", "2", "3", "4")
    later = make_batch("1", "2", "3", "4", members={"_okta_ingested_at": "later"}, org="renamed.okta.com")
    cut_in_two = Batch(tuple(part for part, _ in cut(whole.parts[0], 2, 1_000_000, whole.size_bytes)))
    assert len(cut_in_two.parts) == 2
    assert message_id(whole) == message_id(later) == message_id(cut_in_two)


def test_a_document_s_bytes_do_not_count(make_part):
    page = make_part("acme", "1", "2")
    other = Documents("acme", page.heads, [b"{"] * 2, [b"}"] * 2)
    assert message_id(Batch((page,))) == message_id(Batch((other,)))


def test_every_other_list_has_another_id(make_part, make_batch):
    lists = [
        make_batch("1", "2"),
        make_batch("2", "1"),
        make_batch("1"),
        make_batch("1", "2", "3"),
        make_batch("1", "1", "2"),
        make_batch("12"),
        make_batch("1,2"),
        make_batch('1","acme","2'),
        make_batch('1"], ["acme", "2'),
        make_batch("1", "2", tenant="globex"),
        Batch((make_part("acme", "1"), make_part("globex", "2"))),
        Batch((make_part("globex", "1"), make_part("acme", "2"))),
        make_batch("\ud800"),
        make_batch("\\ud800"),
    ]
    assert len({message_id(batch) for batch in lists}) == len(lists)


def test_an_id_is_fit_for_a_header_and_for_signing(make_batch):
    # The signed text is id.timestamp.body: a dot in the id would make it ambiguous.
    identity = message_id(make_batch("ü.1\r\n"))
    assert identity.isascii()
    assert identity.removeprefix("msg_").isalnum()
