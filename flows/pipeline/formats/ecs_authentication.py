"""`authenticationContext` as `okta.authentication_context` of an ECS document: by a struct where it is as Okta documents it."""

from typing import Annotated, Final

import msgspec

from flows.pipeline.formats.values import dump, filled, member, named, parse, scalar, whole_number

__all__ = ["authentication"]

_INT_MAX: Final = 2**31 - 1


class _Session(msgspec.Struct, gc=False, rename="camel"):
    """`authenticationContext` as Okta documents it."""

    authentication_provider: str | None = None
    authentication_step: Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)] | None = None
    credential_provider: str | None = None
    credential_type: str | None = None
    external_session_id: str | None = None
    interface: str | None = None
    root_session_id: str | None = None
    issuer: None = None


class _SessionFields(msgspec.Struct, gc=False, omit_defaults=True):
    """The same as `okta.authentication_context`."""

    authentication_provider: str | None = None
    authentication_step: int | None = None
    credential_provider: str | None = None
    credential_type: str | None = None
    external_session_id: str | None = None
    interface: str | None = None
    root_session_id: str | None = None


_SESSION = msgspec.json.Decoder(_Session)


def authentication(raw: bytes) -> bytes:
    """`authenticationContext` as `okta.authentication_context`: each session has another one, and most look alike."""
    if raw and b'""' not in raw:
        try:
            fields = _SessionFields(*msgspec.structs.astuple(_SESSION.decode(raw))[:-1])
        except (msgspec.DecodeError, RecursionError):
            return _odd_authentication(raw)
        members = dump(fields)
        return b',"authentication_context":' + members if len(members) > 2 else b""
    return _odd_authentication(raw)


def _odd_authentication(raw: bytes) -> bytes:
    value = parse(raw)
    step = whole_number(member(value, "authenticationStep"))
    issuer = member(value, "issuer")
    known = filled(
        authentication_provider=scalar(member(value, "authenticationProvider")),
        authentication_step=step if step is not None and abs(step) <= _INT_MAX else None,
        credential_provider=scalar(member(value, "credentialProvider")),
        credential_type=scalar(member(value, "credentialType")),
        external_session_id=scalar(member(value, "externalSessionId")),
        interface=scalar(member(value, "interface")),
        issuer=filled(id=scalar(member(issuer, "id")), type=scalar(member(issuer, "type"))),
        root_session_id=scalar(member(value, "rootSessionId")),
    )
    return named("authentication_context", known)
