"""The pages that the browser shows in the end: one file each, no script, nothing from elsewhere. Pure."""

import base64
import hashlib
from html import escape
from typing import Final

from okta_source.auth.authorize.outcome import Outcome

__all__ = ["HEADERS", "finished_page", "notice_page"]

_STYLE: Final = """
:root{color-scheme:light dark;--back:#eef1f6;--card:#fff;--ink:#1b2333;--soft:#566178;--line:#dde3ec;--code:#f3f5f9;--ok:#12805c;
--bad:#b4232f}
@media(prefers-color-scheme:dark){:root{--back:#10141d;--card:#1a2130;--ink:#e9edf5;--soft:#a3aec2;--line:#2c3648;--code:#121824;--ok:#3ecf9b;
--bad:#ff7b84}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--back);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{width:100%;max-width:36rem;padding:2.5rem;background:var(--card);border:1px solid var(--line);border-radius:14px;
box-shadow:0 10px 30px rgba(10,20,40,.08)}
svg{display:block;width:3.5rem;height:3.5rem;margin-bottom:1.25rem}
.ok{color:var(--ok)}
.bad{color:var(--bad)}
h1{margin:0 0 .75rem;font-size:1.55rem;line-height:1.25}
p{margin:0 0 1rem;overflow-wrap:anywhere}
pre{margin:0;padding:.85rem 1rem;background:var(--code);border:1px solid var(--line);border-radius:8px;white-space:pre-wrap;
overflow-wrap:anywhere;font:.9rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
footer{margin-top:1.75rem;padding-top:1.1rem;border-top:1px solid var(--line);color:var(--soft);font-size:.875rem}
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS: Final = (
    ("Content-Type", "text/html; charset=utf-8"),
    (
        "Content-Security-Policy",
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; img-src data:",
    ),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),  # the address holds the code
    ("X-Content-Type-Options", "nosniff"),
)
"""What goes with every page."""

_CHECK: Final = '<path d="M15 24.5l6.5 6.5L34 18" fill="none"/>'
_CROSS: Final = '<path d="M17.5 17.5l13 13M30.5 17.5l-13 13" fill="none"/>'
# An icon of the page's own: otherwise the browser asks for /favicon.ico.
_ICON: Final = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E"
    "%3Ccircle cx='4' cy='4' r='4' fill='%23{}'/%3E%3C/svg%3E"
)


def finished_page(outcome: Outcome) -> bytes:
    """How it ended, and what to do next."""
    body = f"<p>{_paragraph(outcome.detail)}</p><p>{_paragraph(outcome.advice)}</p><pre>{escape(outcome.command)}</pre>"
    body += "<footer>You can close this window. The terminal says the same.</footer>"
    return _page(outcome.headline, body, ok=outcome.ok)


def notice_page(headline: str, text: str) -> bytes:
    """For a request that is none of ours."""
    return _page(headline, f"<p>{_paragraph(text)}</p>", ok=False)


def _paragraph(text: str) -> str:
    """Text in which paths and URLs may break after a slash."""
    return escape(text).replace("/", "/<wbr>")


def _page(headline: str, body: str, *, ok: bool) -> bytes:
    kind, sign, colour = ("ok", _CHECK, "12805c") if ok else ("bad", _CROSS, "b4232f")
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{escape(headline)}</title><link rel="icon" href="{_ICON.format(colour)}"><style>{_STYLE}</style></head><body><main>'
        f'<svg class="{kind}" viewBox="0 0 48 48" aria-hidden="true" stroke="currentColor" stroke-width="3" stroke-linecap="round" '
        f'stroke-linejoin="round"><circle cx="24" cy="24" r="21.5" fill="none"/>{sign}</svg>'
        f'<h1 id="result" data-ok="{str(ok).lower()}">{escape(headline)}</h1>{body}</main></body></html>'
    ).encode()
