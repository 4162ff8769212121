"""What others write is shown on one line and steers nothing."""

import pytest

from okta_source.polling.link import host_of
from okta_source.polling.outcome import Failure, Response, TransportFailure
from okta_source.polling.printable import printable
from okta_source.polling.verdict import failure_of, foreign_link

ORG = "https://acme.okta.com"
SEQUENCES = [
    "\n2026-01-01 ERROR beta: forged",
    "\x1b[2J",
    "\x1b]0;owned\x07",
    "\x9b31m",
    "\u202eevil",
    "\u2066",
    "\u200b",
    "\r",
    "\x85",
    "\u2028",
    "\ud800",
    "\x00",
]


@pytest.mark.parametrize("evil", SEQUENCES)
def test_nothing_that_is_shown_can_steer_or_begin_a_line(evil: str) -> None:
    body = b'{"errorCode":"E0000001","errorSummary":%s}' % _json(evil)
    shown = [
        printable(f"a{evil}b"),
        failure_of(Response(400, {}, body), ORG).message,
        failure_of(Response(302, {"Location": f"https://x/{evil}"}, b""), ORG).message,
        failure_of(Response(401, {"WWW-Authenticate": f'Bearer error="e{evil}", error_description="d{evil}"'}, b""), ORG).message,
        failure_of(Response(401, {}, b'{"error":%s,"error_description":%s}' % (_json(evil), _json(evil))), ORG).message,
        foreign_link(f"https://x{evil}/y", ORG).message,
        foreign_link(f"https://x{evil}/y", ORG).fix,
        Failure("decode", "decode", f"a{evil}", f"b{evil}", "200").fix,
        TransportFailure("decode", f"a{evil}", f"b{evil}").detail,
    ]
    for text in shown:
        assert text.isprintable()


def test_plain_text_stays_as_it_is() -> None:
    assert printable("Zoë: 漢字 😀, «x» (50 %)") == "Zoë: 漢字 😀, «x» (50 %)"
    assert printable("") == ""


def test_what_is_long_is_cut_and_says_so() -> None:
    assert printable("x" * 50, 10) == "xxxxxxxxx…"
    assert len(printable("\n" * 10_000_000 + "x")) <= 1000
    assert host_of("https://a") == "a"


def _json(text: str) -> bytes:
    return ('"' + "".join(f"\\u{ord(character):04x}" for character in text) + '"').encode()
