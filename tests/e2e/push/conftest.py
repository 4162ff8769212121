"""A receiver for two tenants."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.push.receiving import SECRET, Receiver, free_port

PREVIOUS = "the-secret-before-of-32-characters-0123456789"


def write_config(folder: Path, port: int, more: str = "") -> Path:
    """Two tenants with hooks, one without; the Okta tokens' files aren't there, since the receiver needs none."""
    (folder / "acme.hook").write_text(SECRET + "\n")
    (folder / "acme.hook").chmod(0o600)
    (folder / "acme.old").write_text(PREVIOUS + "\n")
    (folder / "acme.old").chmod(0o600)
    (folder / "globex.hook").write_text("another-secret-of-32-characters-0123456789")
    (folder / "globex.hook").chmod(0o600)
    config = folder / "okta.toml"
    config.write_text(
        f"""
[hooks]
listen = "127.0.0.1:{port}"
spool_dir = "spool"
{more}

[[tenants]]
name = "acme"
org_url = "https://acme.okta.com"
[tenants.auth]
method = "ssws"
token_file = "not-there"
[tenants.hooks]
secret_file = "acme.hook"
previous_secret_file = "acme.old"
mode = "merge"

[[tenants]]
name = "globex"
org_url = "https://globex.okta.com"
[tenants.auth]
method = "ssws"
token_env = "NOT_SET"
[tenants.hooks]
secret_file = "globex.hook"
header = "X-Hook-Secret"

[[tenants]]
name = "initech"
org_url = "https://initech.okta.com"
[tenants.auth]
method = "ssws"
token_env = "NOT_SET"

[sinks.archive]
type = "file"
path = "out/{{tenant}}/{{date}}.ndjson"
"""
    )
    return config


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """One for all tests that leave it as it was."""
    port = free_port()
    config = write_config(tmp_path_factory.mktemp("receiver"), port)
    with Receiver(config, port) as running:
        yield running


@pytest.fixture
def spool(receiver: Receiver) -> Path:
    return receiver.config.parent / "spool"
