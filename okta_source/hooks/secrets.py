"""The hooks' secrets of every tenant, as digests, read again when their files change.

Comparing digests of fixed length by `hmac.compare_digest` takes as long for a right secret as for a wrong one, whatever their lengths; both
of a rotation's secrets are always compared, and an unknown tenant's request is compared with noise.
"""

import hmac
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from okta_source.config.secret import Secret, SecretError, SecretRef
from okta_source.hooks.stamp import Stamp, stamp_of

__all__ = ["HookSecrets", "SecretPair"]

_LOG = logging.getLogger(__name__)
_DIGEST_BYTES = sha256().digest_size


@dataclass(frozen=True, slots=True)
class SecretPair:
    """Where a tenant's secrets are to be found.

    Attributes:
        header: The header that carries the secret.
        current: The secret.
        previous: The one before, which is valid beside it during a rotation.
    """

    header: str
    current: SecretRef
    previous: SecretRef | None = None


@dataclass(frozen=True, slots=True)
class _Expected:
    """What a tenant's requests are compared with."""

    header: str
    current: bytes
    previous: bytes


class _Watched:
    """One secret: its digest, and the stamp of the file that it was read from."""

    def __init__(self, reference: SecretRef, environ: Mapping[str, str]) -> None:
        self.reference = reference
        self._environ = environ
        self.stamp = _stamp(reference)
        self.digest: bytes | None = _digest(reference.resolve(environ))

    def changed(self) -> bool:
        stamp = _stamp(self.reference)
        if stamp == self.stamp:
            return False
        self.stamp = stamp
        return True

    def read(self) -> None:
        self.digest = _digest(self.reference.resolve(self._environ))


class HookSecrets:
    """Says whether a request carries its tenant's secret.

    Args:
        pairs: Where each tenant's secrets are.
        environ: The environment that variables are looked up in, once.

    Raises:
        okta_source.config.secret.SecretError: One of them can't be read or is empty.
    """

    def __init__(self, pairs: Mapping[str, SecretPair], environ: Mapping[str, str]) -> None:
        self._pairs = pairs
        self._current = {tenant: _Watched(pair.current, environ) for tenant, pair in pairs.items()}
        self._previous = {tenant: _Watched(pair.previous, environ) for tenant, pair in pairs.items() if pair.previous}
        self._nobody = _Expected("Authorization", secrets.token_bytes(_DIGEST_BYTES), secrets.token_bytes(_DIGEST_BYTES))
        self._expected: dict[str, _Expected] = {}
        self._expect()

    def header_of(self, tenant: str) -> str:
        """The header that carries a tenant's secret; the usual one for an unknown tenant."""
        return self._expected.get(tenant, self._nobody).header

    def admits(self, tenant: str, given: bytes | None) -> bool:
        """Whether it is the tenant's secret, or the one before it.

        Args:
            tenant: The name in the path, which may be anybody's.
            given: The header's value; None where it is missing.
        """
        digest = sha256(given or b"").digest()
        expected = self._expected.get(tenant, self._nobody)
        return hmac.compare_digest(digest, expected.current) | hmac.compare_digest(digest, expected.previous)

    def refresh(self) -> None:
        """Read the files again that have changed since; to be called now and then.

        A secret whose file can't be read stays in force, or a slip of the hand would stop all deliveries. The previous one of a rotation
        ends with its file.
        """
        for tenant, watched in self._current.items():
            if watched.changed():
                try:
                    watched.read()
                except SecretError as error:
                    _LOG.warning("%s: %s: the hooks' secret that was read before stays in force", tenant, error)
                else:
                    _LOG.info("%s: the hooks' secret was read again from %s", tenant, watched.reference)
        for tenant, watched in self._previous.items():
            if watched.changed():
                try:
                    watched.read()
                except SecretError as error:
                    watched.digest = None
                    _LOG.info("%s: the hooks' previous secret is valid no more: %s", tenant, error)
                else:
                    _LOG.info("%s: the hooks' previous secret was read again from %s", tenant, watched.reference)
        self._expect()

    def _expect(self) -> None:
        """Put beside each other what a tenant's requests are compared with; noise where there is no previous secret."""
        for tenant, pair in self._pairs.items():
            previous = self._previous.get(tenant)
            self._expected[tenant] = _Expected(
                pair.header,
                self._current[tenant].digest or self._nobody.current,
                (previous.digest if previous else None) or self._nobody.previous,
            )


def _digest(secret: Secret) -> bytes:
    return sha256(secret.reveal().encode("utf-8", "surrogatepass")).digest()


def _stamp(reference: SecretRef) -> Stamp | None:
    return None if reference.file is None else stamp_of(reference.file)
