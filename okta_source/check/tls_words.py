"""Why a TLS handshake failed, in words that name the certificate at fault, with the fix."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509

from okta_source.check.report import Verdict, failed, ok, warning

__all__ = ["CertificateFacts", "HandshakeFailure", "certificate_facts", "handshake_failed", "handshake_succeeded"]

# OpenSSL's X509_V_ERR_*, stable since 1.0.
_EXPIRED, _NOT_YET_VALID = 10, 9
_SELF_SIGNED: Final = 18
_UNTRUSTED: Final = frozenset({19, 20, 21, 2})
_WRONG_NAME: Final = frozenset({62, 64})
_SOON: Final = timedelta(days=7)
_MOST_NAMES: Final = 8
_CLIENT_CERTIFICATE: Final = (
    "Give this client's certificate and key in tenants.tls: cert_file, key_file and, for an encrypted key, key_password_env; whoever runs "
    "that server issues them."
)


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a person needs to know of a certificate.

    Attributes:
        subject: Whose it is.
        issuer: Who signed it.
        not_before: From when it is valid, UTC.
        not_after: Until when, UTC.
        names: The host names and addresses that it is for.
    """

    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"certificate of {self.subject}, issued by {'itself' if self.subject == self.issuer else self.issuer}, valid "
            f"{self.not_before:%Y-%m-%d} to {self.not_after:%Y-%m-%d}, for {self.hosts}"
        )

    @property
    def hosts(self) -> str:
        """The names in a list that does not grow without end."""
        more = len(self.names) - _MOST_NAMES
        return (", ".join(self.names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")) or "no host"


@dataclass(frozen=True, slots=True)
class HandshakeFailure:
    """What OpenSSL said.

    Attributes:
        reason: Its name for the error, such as `CERTIFICATE_VERIFY_FAILED`; `TIMEOUT` and `CLOSED` are ours.
        verify_code: Why the certificate was refused, where it was.
        verify_message: The same in OpenSSL's words.
    """

    reason: str
    verify_code: int = 0
    verify_message: str = ""


def certificate_facts(der: bytes) -> CertificateFacts | None:
    """Read a certificate; nothing for one that can't be read.

    Args:
        der: The certificate.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        return CertificateFacts(
            _shown(certificate.subject),
            _shown(certificate.issuer),
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
            _names(certificate),
        )
    except ValueError:
        return None


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = alternatives.get_values_for_type(x509.IPAddress)
    return (*alternatives.get_values_for_type(x509.DNSName), *map(str, addresses))


def _shown(name: x509.Name) -> str:
    for oid in (x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATIONAL_UNIT_NAME, x509.NameOID.ORGANIZATION_NAME):
        found = name.get_attributes_for_oid(oid)
        if found:
            return str(found[0].value)
    return name.rfc4514_string() or "nobody"


def handshake_succeeded(version: str, leaf: CertificateFacts | None, now: datetime, *, verified: bool, by_name: bool) -> Verdict:
    """The verdict for a connection that stands.

    Args:
        version: The protocol, such as `TLSv1.3`.
        leaf: The server's certificate.
        now: Our time, UTC.
        verified: Whether the certificate was verified.
        by_name: Whether its host name was.
    """
    detail = f"{version}, {leaf}" if leaf else version
    if not verified:
        fix = "Set tenants.tls.verify = true, with the server's CA in ca_file where it is a private one."
        return warning(f"{detail}; not verified, so anyone on the way can read the credential and the events", fix)
    if not by_name:
        fix = "Set tenants.tls.verify_hostname = true, and org_url to a name that the certificate is for."
        return warning(f"{detail}; its host name was not verified", fix)
    if leaf and leaf.not_after - now < _SOON:
        return warning(f"{detail}: it ends in {max((leaf.not_after - now).days, 0)} days", "Have whoever runs that server renew it.")
    return ok(detail)


def handshake_failed(failure: HandshakeFailure, chain: Sequence[CertificateFacts], where: str, now: datetime) -> Verdict:
    """The verdict for a handshake that failed.

    Args:
        failure: What OpenSSL said.
        chain: The certificates that the server sent, its own first; empty where they could not be had.
        where: Host and port.
        now: Our time, UTC.
    """
    if failure.verify_code:
        return _refused_certificate(failure, chain, where, now)
    for part, detail, fix in _CAUSES:
        if part in failure.reason:
            return failed(detail.format(where=where, reason=failure.reason), fix)
    return failed(
        f"The TLS handshake with {where} failed: {failure.reason}",
        "Look at what stands between here and Okta: a firewall, or a proxy that inspects TLS.",
    )


_CUT: Final = (
    "Something on the way, such as a firewall that filters by name or inspects TLS, or the server itself: let this machine's traffic to "
    "that host pass, or use the proxy that is meant for it."
)
_NO_TLS: Final = "Check org_url and its port, and the proxy: what answers there speaks no TLS."
_TOO_OLD: Final = (
    "Okta itself offers TLS 1.2 and 1.3: what answers is something older, such as an inspecting proxy. Have it updated; nothing below TLS "
    "1.2 is spoken here."
)
_REFUSES: Final = "Compare cert_file with what that server accepts: its issuer, and its dates."
_CAUSES: Final = (
    ("CERTIFICATE_REQUIRED", "{where} wants a certificate of this client ({reason})", _CLIENT_CERTIFICATE),
    (
        "HANDSHAKE_FAILURE",
        "{where} broke the handshake off ({reason}): it wants a certificate of this client, or has no cipher in common",
        _CLIENT_CERTIFICATE,
    ),
    ("ALERT_UNKNOWN_CA", "{where} refuses this client's certificate ({reason})", _REFUSES),
    ("ALERT_BAD_CERTIFICATE", "{where} refuses this client's certificate ({reason})", _REFUSES),
    ("ALERT_CERTIFICATE", "{where} refuses this client's certificate ({reason})", _REFUSES),
    ("UNSUPPORTED_PROTOCOL", "{where} speaks no TLS 1.2 or newer ({reason})", _TOO_OLD),
    ("PROTOCOL_VERSION", "{where} speaks no TLS 1.2 or newer ({reason})", _TOO_OLD),
    ("VERSION_TOO_LOW", "{where} speaks no TLS 1.2 or newer ({reason})", _TOO_OLD),
    ("WRONG_VERSION_NUMBER", "{where} answers, but not in TLS ({reason})", _NO_TLS),
    ("HTTP_REQUEST", "{where} answers, but not in TLS ({reason})", _NO_TLS),
    ("PACKET_LENGTH", "{where} answers, but not in TLS ({reason})", _NO_TLS),
    ("RECORD_LAYER", "{where} answers, but not in TLS ({reason})", _NO_TLS),
    ("UNRECOGNIZED_NAME", "{where} does not know this host name ({reason})", "Check org_url for a typing error."),
    ("EOF", "The connection was closed in the middle of the TLS handshake with {where}", _CUT),
    ("CLOSED", "The connection was closed in the middle of the TLS handshake with {where}", _CUT),
    ("TIMEOUT", "The TLS handshake with {where} was not answered in time", _CUT),
)
"""Parts of OpenSSL's names for errors, the first one that fits."""


def _refused_certificate(failure: HandshakeFailure, chain: Sequence[CertificateFacts], where: str, now: datetime) -> Verdict:
    code = failure.verify_code
    leaf = chain[0] if chain else None
    if code == _EXPIRED:
        culprit = next((facts for facts in chain if facts.not_after <= now), leaf)
        return failed(
            f"{where}: the certificate has expired: {_name(culprit)}",
            "Have whoever runs that server renew it; where Okta itself answers, set this machine's clock.",
        )
    if code == _NOT_YET_VALID:
        culprit = next((facts for facts in chain if facts.not_before > now), leaf)
        return failed(f"{where}: the certificate is not valid yet: {_name(culprit)}", "Set this machine's clock, best by NTP.")
    if code in _WRONG_NAME:
        hosts = leaf.hosts if leaf else "other hosts"
        return failed(
            f"{where}: the certificate is for {hosts}, not for this host: {_name(leaf)}",
            "Set org_url to the organisation's own name; where it is right, the name leads to another server: see DNS and the proxy.",
        )
    private = (
        "Behind a proxy that inspects TLS, or where the server has a private CA, give that CA's certificate (PEM) in tenants.tls.ca_file; "
        "otherwise somebody else answers in Okta's place: check org_url and DNS."
    )
    if code == _SELF_SIGNED:
        return failed(f"{where}: the certificate is self-signed, and nobody vouches for it: {_name(leaf)}", private)
    if code in _UNTRUSTED:
        top = chain[-1] if chain else None
        who = f" by {top.issuer}" if top else ""
        return failed(f"{where}: the certificate was issued{who}, which is not trusted: {_name(leaf)}", private)
    return failed(f"{where}: the certificate is refused ({failure.verify_message}): {_name(leaf)}", private)


def _name(facts: CertificateFacts | None) -> str:
    return str(facts) if facts else "it could not be fetched for a closer look"
