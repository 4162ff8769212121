"""A sink's TLS settings as a context of Python's `ssl`: TLS 1.2 or newer, verified unless the configuration says otherwise."""

import ssl
from pathlib import Path

import certifi

__all__ = ["client_context"]


def client_context(
    ca_file: Path | None,
    cert_file: Path | None,
    key_file: Path | None,
    key_password: str | None,
    *,
    verify: bool,
    verify_hostname: bool,
) -> ssl.SSLContext:
    """The context for a client.

    Args:
        ca_file: The certificate authorities to trust; without it, those of the system and of `certifi`: targets are often internal, and
            containers often have no authorities of their own.
        cert_file: The certificate by which this client proves who it is.
        key_file: Its key; without it, the key stands in `cert_file`.
        key_password: The key's password, where it has one.
        verify: Whether the server has to prove who it is.
        verify_hostname: Whether its certificate must name the host.

    Raises:
        OSError: A file can't be used: no certificate in it (`ssl.SSLError`), a key that doesn't fit, a wrong password, unreadable.
    """
    context = ssl.create_default_context(cafile=ca_file or certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if cert_file:
        # Always given: without one, OpenSSL asks for the password of an encrypted key on the terminal.
        context.load_cert_chain(cert_file, key_file, password=key_password or "")
    if not verify_hostname or not verify:
        context.check_hostname = False
    if not verify:
        context.verify_mode = ssl.CERT_NONE
    return context
