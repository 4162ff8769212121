"""What can be changed about an organisation while it runs."""

from dataclasses import dataclass, field

from okta_source.simulator.faults import Faults
from okta_source.simulator.links import FORMS
from okta_source.simulator.rate_limit import RateLimit

CURSOR_FORMS = ("okta", "encoded")
BODY_FORMS = ("content-length", "chunked", "mixed")


@dataclass(kw_only=True, eq=False)
class Settings:
    """How an organisation answers; every attribute may be assigned while it runs.

    Attributes:
        token: The accepted SSWS token; assign another one to rotate it.
        bearer_tokens: The accepted OAuth access tokens.
        rate_limit: The budget; None sends no X-Rate-Limit headers and limits nothing.
        faults: Faults by probability.
        latency_seconds: Wait before each answer.
        link_form: Form of the Link header, one of `okta_source.simulator.links.FORMS`.
        cursor_form: `okta`, or `encoded` for percent-encoded base64 that must come back byte for byte.
        since_in_next: Whether next links repeat `since` and `sortOrder` beside `after`; Okta does either.
        gzip: Whether to compress for clients that accept it.
        body_form: `content-length`, `chunked`, or `mixed`, which alternates.
        public_url: What links start with, when clients come through a proxy; None: what the client called.
        forbidden: Answer 403 to every authenticated request.
    """

    token: str = field(repr=False)
    bearer_tokens: set[str] = field(repr=False)
    rate_limit: RateLimit | None
    faults: Faults
    latency_seconds: float
    link_form: str
    cursor_form: str
    since_in_next: bool
    gzip: bool
    body_form: str
    public_url: str | None
    forbidden: bool

    def __post_init__(self) -> None:
        for name, allowed in (("link_form", FORMS), ("cursor_form", CURSOR_FORMS), ("body_form", BODY_FORMS)):
            if getattr(self, name) not in allowed:
                message = f"{name} must be one of {', '.join(allowed)}, not {getattr(self, name)!r}"
                raise ValueError(message)
