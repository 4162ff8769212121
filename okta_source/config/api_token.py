"""Okta API tokens and client secrets as they are pasted. Pure."""

import re

from okta_source.config.pasted import members_of, unwrapped, why_unusable

__all__ = ["CredentialProblem", "usable_credential"]

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
"""What Okta makes its tokens and client secrets of."""
_KNOWN_MEMBERS = ("token", "api_token", "apiToken", "apitoken", "client_secret", "clientSecret", "secret", "value")
_NEEDED = "needed: the {kind} alone, as Okta shows it when it is made"


class CredentialProblem(ValueError):  # noqa: N818 (it names what is the case)
    """A text is no credential; the message says what was found, to stand behind where it was found, and never shows the text."""


def usable_credential(text: str, kind: str, scheme: str = "", *, is_oktas: bool = True) -> str:
    """Take a credential out of what is around it.

    Args:
        text: As it was found.
        kind: What it is to be, for the message: `Okta token` or `client secret`.
        scheme: What may stand in front of it, such as `SSWS`.
        is_oktas: False for what goes to a gateway in front of Okta, in a header of its own: that may have any form, and is taken as it is.

    Raises:
        CredentialProblem: It is none.
    """
    if _PLAIN.fullmatch(text):
        return text
    if not is_oktas:
        return _carried(text, kind)
    inner = unwrapped(text, (scheme,) if scheme else ())
    members = members_of(inner)
    if members is not None:
        inner = _member(members, kind, scheme)
    if inner != text and _PLAIN.fullmatch(inner):
        return inner
    needed = _NEEDED.format(kind=kind)
    if inner[:7].lower() == "bearer ":
        msg = f"begins with Bearer: it is an access token, which lasts an hour; {needed}"
        raise CredentialProblem(msg)
    if why := why_unusable(inner) or (inner != text and why_unusable(text)):
        msg = f"{why}; {needed}"
        raise CredentialProblem(msg)
    return _carried(text, kind)


def _carried(text: str, kind: str) -> str:
    """What a header can carry."""
    if not (text.isascii() and text.isprintable() and " " not in text):
        msg = f"holds a space, line break or other character that no {kind} has"
        raise CredentialProblem(msg)
    return text


def _member(members: dict[str, str], kind: str, scheme: str) -> str:
    values = [members[name] for name in _KNOWN_MEMBERS if name in members] or list(members.values())
    if len(values) != 1:
        msg = f"is JSON in which {len(values)} members may be meant; {_NEEDED.format(kind=kind)}"
        raise CredentialProblem(msg)
    return unwrapped(values[0], (scheme,) if scheme else ())
