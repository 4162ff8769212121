"""The pages that people see on their way through the authorization server: plain forms, no scripts."""

from collections.abc import Iterable
from html import escape

__all__ = ["consent_page", "error_page", "sign_in_page"]

_STYLE = (
    "body{font-family:sans-serif;background:#f4f4f4;color:#1d1d21}main{max-width:24rem;margin:4rem auto;padding:2rem;background:#fff;"
    "border:1px solid #d7d7dc;border-radius:6px}label,input{display:block;width:100%;box-sizing:border-box}input{margin:.3rem 0 1rem;"
    "padding:.5rem}button{padding:.6rem 1.2rem;margin-right:.6rem}.error{color:#b0102e}footer{color:#6e6e78;font-size:.8rem}"
)
_SCOPE_TEXTS = {
    "okta.logs.read": "Read the System Log of your organization",
    "offline_access": "Keep this access when you are not there",
    "openid": "Know who you are",
    "profile": "See your profile",
    "email": "See your e-mail address",
}


def _page(title: str, organisation: str, body: str) -> bytes:
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(organisation)} - {escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><main><h1>{escape(title)}</h1>{body}"
        f"<footer>{escape(organisation)}, a simulated Okta organization</footer></main></body></html>"
    ).encode()


def sign_in_page(organisation: str, client: str, action: str, transaction: str, problem: str = "") -> bytes:
    """The form for a user name and a password.

    Args:
        organisation: The organisation's name.
        client: The app that somebody is on the way to.
        action: Where the form is posted.
        transaction: What ties the form to the authorization request.
        problem: What was wrong with the last attempt.
    """
    warning = f'<p class="error" id="problem" role="alert">{escape(problem)}</p>' if problem else ""
    return _page(
        "Sign In",
        organisation,
        f'<p>Sign in to continue to <b>{escape(client)}</b>.</p>{warning}<form method="post" action="{escape(action)}">'
        f'<input type="hidden" name="transaction" value="{escape(transaction)}">'
        '<label for="username">Username</label><input id="username" name="username" autocomplete="username" autofocus required>'
        '<label for="password">Password</label>'
        '<input id="password" name="password" type="password" autocomplete="current-password" required>'
        '<button id="signin" type="submit">Sign In</button></form>',
    )


def consent_page(organisation: str, client: str, username: str, scopes: Iterable[str], action: str, transaction: str) -> bytes:
    """The question whether an app may have what it asks for.

    Args:
        organisation: The organisation's name.
        client: The app.
        username: Who is asked.
        scopes: What it asks for.
        action: Where the form is posted.
        transaction: What ties the form to the authorization request.
    """
    asked = "".join(f"<li><code>{escape(scope)}</code> {escape(_SCOPE_TEXTS.get(scope, ''))}</li>" for scope in scopes)
    return _page(
        "Allow access?",
        organisation,
        f'<p><b>{escape(client)}</b> would like to access your Okta organization as {escape(username)}:</p><ul id="scopes">{asked}</ul>'
        f'<form method="post" action="{escape(action)}"><input type="hidden" name="transaction" value="{escape(transaction)}">'
        '<button id="allow" type="submit" name="decision" value="allow">Allow Access</button>'
        '<button id="deny" type="submit" name="decision" value="deny">Don\'t Allow</button></form>',
    )


def error_page(organisation: str, title: str, description: str) -> bytes:
    """An error that can't be told to the app, since nobody knows whether it is the app."""
    return _page(
        title,
        organisation,
        f'<p class="error" id="problem" role="alert">Your request resulted in an error. {escape(description)}</p>',
    )
