"""The receiver's own TLS: a context for each generation of the certificate's files."""

import ssl
from pathlib import Path

from okta_source.hooks.stamp import Stamp, stamp_of

__all__ = ["CertificateFiles"]


class CertificateFiles:
    """A certificate and its key, loaded anew when a file changes.

    Args:
        cert_file: The certificate chain, PEM.
        key_file: Its key, PEM; None where it stands in `cert_file`.

    Raises:
        OSError: They can't be used (`ssl.SSLError` is one).
    """

    def __init__(self, cert_file: Path, key_file: Path | None) -> None:
        self._cert_file = cert_file
        self._key_file = key_file
        self._stamp = self._now_stamp()
        self.context = self._load()

    def refresh(self) -> bool:
        """Load the files again if they have changed; a pair that doesn't match leaves the context as it was.

        Returns:
            Whether there is a new context.

        Raises:
            OSError: They have changed and can't be used; told once for each change.
        """
        stamp = self._now_stamp()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        self.context = self._load()
        return True

    def _load(self) -> ssl.SSLContext:
        # A new one: a context whose certificate was replaced while the key doesn't fit yet serves nobody.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._cert_file, self._key_file)
        return context

    def _now_stamp(self) -> tuple[Stamp, ...]:
        return tuple(stamp_of(path) for path in (self._cert_file, self._key_file) if path is not None)
