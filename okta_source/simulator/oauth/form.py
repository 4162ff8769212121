"""Parameters of OAuth requests, in a body or a query."""

from urllib.parse import parse_qsl

from okta_source.simulator.errors import OktaError
from okta_source.simulator.oauth.errors import invalid_request
from okta_source.simulator.records import Request

__all__ = ["posted_form", "query_parameters", "scopes_of"]

_FORM = "application/x-www-form-urlencoded"


def _parameters(text: str) -> dict[str, str]:
    pairs = parse_qsl(text, keep_blank_values=True)
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise invalid_request("The request contained multiple parameters with the same name.")
    # An empty parameter counts as one that was left out (RFC 6749, section 3.1).
    return {name: value for name, value in parameters.items() if value}


def posted_form(request: Request) -> dict[str, str]:
    """The fields of a posted form.

    Raises:
        OktaError: 405 or 400, it isn't one.
        OAuthError: A field is there twice.
    """
    if request.method != "POST":
        raise OktaError(405, "E0000022")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise OktaError(400, "E0000021")
    return _parameters(request.body.decode("utf-8", "replace"))


def query_parameters(request: Request) -> dict[str, str]:
    """The parameters of a request's query.

    Raises:
        OAuthError: One is there twice.
    """
    return _parameters(request.target.partition("?")[2])


def scopes_of(parameters: dict[str, str]) -> tuple[str, ...]:
    """The scopes asked for, each once, in order."""
    return tuple(dict.fromkeys(parameters.get("scope", "").split()))
