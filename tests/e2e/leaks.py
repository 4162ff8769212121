"""A search for secrets in whatever a run leaves behind, in every form in which one might slip out."""

import base64
import json
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

_SHORTEST = 8
_NOT_WORDS = re.compile(rb"[^!-~]+")


class Secrets:
    """Everything that must not be found, by what it is."""

    def __init__(self) -> None:
        self._needles: dict[bytes, str] = {}

    def add(self, kind: str, *secrets: str) -> None:
        """Texts, each in the forms in which logs, URLs, headers, JSON and dumps would show it.

        Raises:
            AssertionError: One of them is too short to be looked for.
        """
        for secret in secrets:
            assert len(secret) >= _SHORTEST, f"{kind}: too short to be told from chance"
            encoded = secret.encode()
            forms = [encoded, secret.encode("utf-16-le"), quote(secret, safe="").encode(), base64.b64encode(encoded).rstrip(b"=")[:-1]]
            forms += [json.dumps(secret)[1:-1].encode(), encoded.hex().encode()]
            for form in forms:
                self._needles.setdefault(form, kind)  # the first name that a secret was given

    def add_token(self, kind: str, *tokens: str) -> None:
        """Tokens; of a JWT, its signature by itself too, without which the rest proves nothing."""
        for token in tokens:
            self.add(kind, token)
            if token.count(".") == 2:
                self.add(f"{kind}: signature", token.rpartition(".")[2])

    def add_key(self, kind: str, text: str) -> None:
        """A private key, PEM or JWK: the text itself, each line of PEM, and its numbers in decimal, hexadecimal and as members of a JWK."""
        if text.startswith("{"):
            jwk = json.loads(text)
            self.add(kind, *(jwk[name] for name in ("d", "p", "q", "dp", "dq", "qi") if name in jwk))
            numbers = [int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "=="), "big") for name in ("d", "p", "q") if name in jwk]
        else:
            self.add(kind, *(line for line in text.splitlines() if len(line) >= _SHORTEST and not line.startswith("-----")))
            if "ENCRYPTED" in text:
                return
            numbers = _numbers(serialization.load_pem_private_key(text.encode(), None))
            encoded = [
                base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).rstrip(b"=").decode() for number in numbers
            ]
            self.add(kind, *encoded)
        for number in numbers:
            self.add(kind, str(number), f"{number:x}", f"{number:X}")

    def found_in(self, data: bytes) -> list[str]:
        """What is in some bytes, by kind; none of the secrets themselves, since this will be printed."""
        return sorted({kind for needle, kind in self._needles.items() if needle in data})

    def holders(self, folder: Path, except_in: Iterable[Path] = ()) -> list[str]:
        """Files below a folder that hold a secret, also across line breaks, other than those that are meant to."""
        apart = set(except_in)
        found = []
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path not in apart and path.parent not in apart:
                data = path.read_bytes()
                found += [f"{path}: {kind}" for kind in sorted({*self.found_in(data), *self.found_in(_NOT_WORDS.sub(b"", data))})]
        return found

    def __len__(self) -> int:
        return len(self._needles)


def _numbers(key: object) -> list[int]:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return [key.private_numbers().private_value]
    assert isinstance(key, rsa.RSAPrivateKey)
    numbers = key.private_numbers()
    return [numbers.d, numbers.p, numbers.q]
