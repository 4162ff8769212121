"""A sink's TLS context."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sinks.http.tls import client_context
from tests.unit.okta_source.wire import certificate


def context(*files: Path | None, password: str | None = None, verify: bool = True, verify_hostname: bool = True) -> ssl.SSLContext:
    ca_file, cert_file, key_file = (*files, None, None, None)[:3]
    return client_context(ca_file, cert_file, key_file, password, verify=verify, verify_hostname=verify_hostname)


def test_verified_unless_otherwise_said() -> None:
    assert [(made.verify_mode, made.check_hostname) for made in (context(), context(verify_hostname=False), context(verify=False))] == [
        (ssl.CERT_REQUIRED, True),
        (ssl.CERT_REQUIRED, False),
        (ssl.CERT_NONE, False),
    ]
    assert context().minimum_version == ssl.TLSVersion.TLSv1_2


def test_an_authority_of_ones_own_replaces_the_others(tmp_path: Path) -> None:
    cert_file, _ = certificate(tmp_path, "x")
    assert len(context().get_ca_certs()) > 50
    assert len(context(cert_file).get_ca_certs()) == 1


def test_a_client_certificate_and_its_locked_key(tmp_path: Path) -> None:
    cert_file, _ = certificate(tmp_path, "x")
    key = serialization.load_pem_private_key((tmp_path / "key.pem").read_bytes(), None)
    locked = tmp_path / "locked.pem"
    encryption = serialization.BestAvailableEncryption(b"hunter2")
    locked.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    context(None, cert_file, locked, password="hunter2")
    # Without a password OpenSSL would ask for one on the terminal.
    for password in (None, "wrong"):
        with pytest.raises(ssl.SSLError):
            context(None, cert_file, locked, password=password)


def test_files_that_cant_be_used_are_os_errors(tmp_path: Path) -> None:
    cert_file, _ = certificate(tmp_path, "x")
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    other = tmp_path / "other.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    other.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    cases: list[tuple[Any, ...]] = [(junk,), (tmp_path / "gone",), (None, junk), (None, cert_file, other), (None, cert_file)]
    for files in cases:
        with pytest.raises(OSError, match=r"."):
            context(*files)
