"""A tenant's TLS settings as a context of Python's `ssl`: TLS 1.2 or newer, verified unless the configuration says otherwise."""

import ssl
from functools import lru_cache

import certifi

from okta_source.config.tenant import TlsConfig

__all__ = ["ssl_context"]


@lru_cache(maxsize=64)
def ssl_context(tls: TlsConfig) -> ssl.SSLContext:
    """The context; tenants with equal settings share it, since loading the CA bundle takes 10 ms and a megabyte.

    Raises:
        OSError: A file can't be used: no certificate in it (`ssl.SSLError`), a key that doesn't fit, a wrong password, unreadable.
        okta_source.config.secret.SecretError: The key's password can't be looked up.
    """
    context = ssl.create_default_context(cafile=tls.ca_file or certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.cert_file:
        # Always given: without one, OpenSSL asks for the password of an encrypted key on the terminal.
        password = tls.key_password.read().reveal() if tls.key_password else ""
        context.load_cert_chain(tls.cert_file, tls.key_file, password=password)
    if not tls.verify_hostname or not tls.verify:
        context.check_hostname = False
    if not tls.verify:
        context.verify_mode = ssl.CERT_NONE
    return context
