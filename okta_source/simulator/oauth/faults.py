"""Ready-made scripts for the token endpoint; everything else can be made of `Scripted` itself."""

from okta_source.simulator.records import Scripted

__all__ = ["answer_lost", "hanging", "html_page", "rate_limited", "server_error"]


def rate_limited() -> Scripted:
    """429 E0000047; the rate limit of the token endpoint is its own."""
    return Scripted(status=429)


def server_error(status: int = 500) -> Scripted:
    """500 E0000009, or another status."""
    return Scripted(status=status)


def hanging(seconds: float = 3600.0) -> Scripted:
    """No answer for so long."""
    return Scripted(delay_seconds=seconds, fallthrough=True)


def html_page() -> Scripted:
    """200 with a page of HTML, as a captive proxy answers."""
    page = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in to the network.</body></html>"
    return Scripted(status=200, headers={"content-type": "text/html"}, body=page)


def answer_lost() -> Scripted:
    """The request is served, a refresh token rotated, and then the connection is reset before the answer."""
    return Scripted(reset=True, fallthrough=True)
