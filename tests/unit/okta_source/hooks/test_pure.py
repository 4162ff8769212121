"""The pure pieces of push: whose delivery, which secret, when to poll, what is pending."""

import pickle
from itertools import pairwise
from pathlib import Path

import pytest

from okta_source.config.secret import SecretError, SecretRef
from okta_source.hooks.expectations import HookExpectations
from okta_source.hooks.origin import foreign_origin, hook_id
from okta_source.hooks.pending import PendingUuids
from okta_source.hooks.secrets import HookSecrets, SecretPair
from okta_source.hooks.wake import WakePlan
from okta_source.polling.dedupe import SeenWindow
from tests.unit.okta_source.hooks.life import okta_uuid

HOSTS = ("acme.okta.com", "login.acme.example", "127.0.0.1:4580")


@pytest.mark.parametrize(
    "source",
    [
        "https://acme.okta.com/api/v1/eventHooks/who1",
        "https://ACME.okta.com:443/api/v1/eventHooks/who1",
        "https://login.acme.example/api/v1/eventHooks/who1",
        "http://127.0.0.1:4580/api/v1/eventHooks/who1",
        "aws.partner/okta.com/acme/stream",
        "aws.partner/okta.com/ACME/a/b",
        "",
        "something",
        "https://[broken",
    ],
)
def test_a_source_that_names_the_tenant_or_nobody_is_no_foreign_one(source: str) -> None:
    assert foreign_origin(source, HOSTS) == ""


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("https://globex.okta.com/api/v1/eventHooks/who1", "globex.okta.com"),
        ("https://acme.okta.com:8443/api/v1/eventHooks/who1", "acme.okta.com:8443"),
        ("https://acme.okta.com@globex.okta.com/", "globex.okta.com"),
        ("http://127.0.0.1:4581/api/v1/eventHooks/who1", "127.0.0.1:4581"),
        ("aws.partner/okta.com/globex/stream", "globex (EventBridge)"),
        ("aws.partner/oktapreview.com/globex", "globex (EventBridge)"),
        ("aws.partner/okta-gov.com/globex/stream", "globex (EventBridge)"),
        ("aws.partner/okta.mil/globex/stream", "globex (EventBridge)"),
    ],
)
def test_a_source_that_names_another_organisation_is_told(source: str, named: str) -> None:
    assert foreign_origin(source, HOSTS) == named


def test_a_tenant_known_by_its_own_domain_alone_may_have_any_subdomain() -> None:
    assert foreign_origin("aws.partner/okta.com/globex/stream", ("login.acme.example",)) == ""


def test_the_hook_is_named_by_its_path() -> None:
    assert hook_id("https://acme.okta.com/api/v1/eventHooks/who1a2b3c4d5e6f7g8h9") == "who1a2b3c4d5e6f7g8h9"
    assert hook_id("https://acme.okta.com/api/v1/eventHooks/") == hook_id("https://[x") == hook_id("") == ""


def secret_file(path: Path, value: str) -> SecretRef:
    path.write_text(value)
    return SecretRef(file=path)


def test_secrets_are_read_again_when_their_files_change(tmp_path: Path) -> None:
    current, previous = secret_file(tmp_path / "current", "one\n"), secret_file(tmp_path / "previous", "zero")
    secrets = HookSecrets({"acme": SecretPair("Authorization", current, previous)}, {})

    def admitted() -> list[str]:
        return [word for word in ("zero", "one", "two") if secrets.admits("acme", word.encode())]

    assert admitted() == ["zero", "one"]
    (tmp_path / "previous").write_text("one-")
    (tmp_path / "previous").write_text("one")
    (tmp_path / "current").write_text("two, which is longer")
    (tmp_path / "current").write_text("two")
    secrets.refresh()
    assert admitted() == ["one", "two"]
    (tmp_path / "previous").unlink()
    secrets.refresh()
    assert admitted() == ["two"]
    (tmp_path / "current").unlink()  # a slip of the hand stops nothing
    secrets.refresh()
    assert admitted() == ["two"]
    secret_file(tmp_path / "previous", "one")
    secrets.refresh()
    assert admitted() == ["one", "two"]


def test_a_secret_that_is_missing_at_the_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="NOT_SET"):
        HookSecrets({"acme": SecretPair("Authorization", SecretRef(env="NOT_SET"))}, {})


def test_nobody_gets_in_without_a_secret() -> None:
    secrets = HookSecrets({"acme": SecretPair("X-Key", SecretRef(env="S"))}, {"S": "right"})
    assert secrets.admits("acme", b"right")
    assert not any(secrets.admits(tenant, given) for tenant in ("acme", "nobody", "") for given in (None, b"", b"wrong", b"Right"))
    assert not secrets.admits("nobody", b"right")
    assert (secrets.header_of("acme"), secrets.header_of("nobody")) == ("X-Key", "Authorization")


def test_a_right_secret_takes_as_many_comparisons_as_a_wrong_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = SecretPair("X", SecretRef(env="S"), SecretRef(env="P"))
    secrets = HookSecrets({"acme": pair, "lone": SecretPair("X", SecretRef(env="S"))}, {"S": "right", "P": "before"})
    compared: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr("okta_source.hooks.secrets.hmac.compare_digest", compare)
    for tenant in ("acme", "lone", "nobody"):
        for given in (b"right", b"before", b"wrong", b"w" * 10_000, b"", None):
            compared.clear()
            secrets.admits(tenant, given)
            assert compared == [(32, 32)] * 2


def polls(plan: WakePlan, start: float, end: float) -> list[float]:
    found, now = [], start
    while now < end:
        if plan.wants_poll(now):
            plan.polls(now)
            found.append(now)
        now += 0.25
    return found


def test_a_poll_at_once_and_again_while_nothing_came() -> None:
    plan = WakePlan()
    plan.deliver(["a"], 100.0)
    assert polls(plan, 100.0, 200.0) == [100.0, 102.0, 105.0]


def test_what_came_is_not_asked_for_again() -> None:
    plan = WakePlan()
    plan.deliver(["a", "b"], 100.0)
    assert polls(plan, 100.0, 101.0) == [100.0]
    plan.came(["a", "x"])
    assert polls(plan, 101.0, 103.0) == [102.0]
    plan.came(["b"])
    assert polls(plan, 103.0, 200.0) == []


def test_nothing_to_wait_for_is_one_poll_and_what_came_before_is_none() -> None:
    plan = WakePlan()
    plan.deliver([], 100.0)
    assert polls(plan, 100.0, 200.0) == [100.0]
    plan.deliver(["a"], 200.0)
    plan.came(["a"])
    assert polls(plan, 200.0, 300.0) == []


def test_any_number_of_deliveries_is_a_poll_every_two_seconds_at_most() -> None:
    plan = WakePlan()
    found = []
    for number in range(400):
        plan.deliver([str(number)], 100.0 + number / 10)
        found += polls(plan, 100.0 + number / 10, 100.1 + number / 10)
    assert len(found) == 20
    assert min(after - before for before, after in pairwise(found)) >= 2.0


def test_pending_uuids_come_back_from_a_snapshot() -> None:
    pending = PendingUuids()
    for number in range(100):
        pending.add(okta_uuid(number), 1000.0 + number * 7)
    pending.add("odd one", 1000.0)
    assert pending.overdue(1260.0) > 0
    again = PendingUuids(pickle.loads(pickle.dumps(pending.saved())))  # noqa: S301
    assert again.saved() == pending.saved()
    assert len(again) == 101
    assert again.overdue(1260.0) == 0
    assert "odd one" in again
    assert again.any_of(["x", okta_uuid(5)])
    assert again.discard(okta_uuid(5))
    assert not again.discard(okta_uuid(5))
    assert again.saved() != pending.saved()


def test_pending_uuids_are_told_once_and_forgotten_later() -> None:
    pending = PendingUuids()
    pending.add("early", 0.0)
    pending.add("late", 600.0)
    assert [pending.overdue(moment) for moment in (59.0, 60.0, 600.0, 660.0, 700.0)] == [0, 1, 0, 1, 0]
    pending.add("early too", 30.0)
    assert pending.forget(100.0) == 1  # told as overdue before: one; this one: only now
    assert pending.forget(700.0) == 0
    assert len(pending) == 0


def test_a_quarter_of_a_million_pending_uuids_are_saved_in_little_time_and_16_bytes_each() -> None:
    pending = PendingUuids()
    for number in range(250_000):
        pending.add(okta_uuid(number), number / 4.6)
    size = len(pickle.dumps(pending.saved()))
    assert size < 250_000 * 17
    before = pending.saved()
    pending.add(okta_uuid(300_000), 10.0)
    changed = [after is not earlier for earlier, after in zip(before, pending.saved(), strict=True)]
    assert changed.count(True) == 1  # the other buckets are not packed again


def test_expected_hooks_are_bounded() -> None:
    expectations = HookExpectations([f"who{number}" for number in range(25)])
    expectations.delivered_by("who99")
    assert len(expectations.ids) == 25
    assert expectations.ids[-1] == "who99"


def test_the_window_tells_what_it_has_seen_and_what_it_forgot() -> None:
    for size in (3, 600, 5000):
        window = SeenWindow(100.0)
        pages = [[okta_uuid(size * number + each) for each in range(size)] for number in range(3)]
        for number, page in enumerate(pages):
            window.admit([*page], 1000.0 + number * 90)
        assert window.forgotten_mark == 1000.0
        asked = [pages[0][0], pages[1][0], pages[2][-1], "other"]
        assert window.seen(asked) == [False, True, True, False]
        assert window.seen(pages[2]) == [True] * size
        assert window.seen([]) == []
        again = SeenWindow(100.0, window.segments(), window.forgotten_mark)
        assert again.seen(asked) == [False, True, True, False]
        assert again.forgotten_mark == 1000.0
