"""Nothing of an event's text is obeyed by a terminal, and everything fits."""

import json

import pytest

from flows.terminal.text import Writing, safe_json, width_of

UNICODE, ASCII = Writing(ascii_only=False), Writing(ascii_only=True)


@pytest.mark.parametrize(
    ("text", "shown", "in_ascii"),
    [
        ("plain", "plain", "plain"),
        ("\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07", "\\x1b[31mred\\x1b]0;title\\x07"),
        ("a\nb\rc\td\0", "a\\nb\\rc\\td\\x00", "a\\nb\\rc\\td\\x00"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f", "\\x9b31m\\x7f"),
        ("exe\u202egpj.\u200b\u2066", "exe\\u202egpj.\\u200b\\u2066", "exe\\u202egpj.\\u200b\\u2066"),
        ("Zoë 日本", "Zoë 日本", "Zo\\xeb \\u65e5\\u672c"),
        ("half \ud83d", "half \\ud83d", "half \\ud83d"),
        ("tag \U000e0041", "tag \\U000e0041", "tag \\U000e0041"),
    ],
)
def test_what_is_not_printable_is_shown(text: str, shown: str, in_ascii: str) -> None:
    assert UNICODE.shown(text) == shown
    assert ASCII.shown(text) == in_ascii


@pytest.mark.parametrize("character", [chr(code) for code in (*range(0x20), 0x7F, *range(0x80, 0xA0), 0x202A, 0x202E, 0x2066, 0x2069)])
def test_no_control_character_passes(character: str) -> None:
    assert character not in UNICODE.shown(f"a{character}b")
    line = json.dumps({"a": f"x{character}y"}, ensure_ascii=False)
    assert character not in safe_json(line)
    assert json.loads(safe_json(line)) == json.loads(line)


@pytest.mark.parametrize("width", range(2, 30))
@pytest.mark.parametrize("text", ["user.authentication.auth_via_mfa", "日本語のユーザー名", "e\u0301cole", "\x1b\x1b\x1b", ""])
def test_a_fitted_text_has_its_width(text: str, width: int) -> None:
    for writing in (UNICODE, ASCII):
        for middle in (True, False):
            fitted = writing.fit(text, width, middle=middle)
            assert width_of(fitted) == width
            assert writing is UNICODE or fitted.isascii()


def test_the_middle_is_left_out_where_the_end_says_more() -> None:
    assert UNICODE.fit("user.authentication.auth_via_mfa", 21, middle=True) == "user.authe…uth_via_mfa"[:10] + "…" + "th_via_mfa"[-10:]
    assert UNICODE.fit("user.authentication.auth_via_mfa", 10) == "user.auth…"
