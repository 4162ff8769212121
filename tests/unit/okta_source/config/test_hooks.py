"""`[hooks]` and `[tenants.hooks]`: what may stand there, and that the flow needs no hook's secret."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from flows.configuration.settings import ConfigurationError, load
from okta_source.config.hooks import HOOK_ENVIRON, HooksConfig, TenantHooksConfig
from okta_source.config.secret import SecretRef


def hooks(**values: Any) -> HooksConfig:
    return HooksConfig.model_validate(values, context={"folder": Path("/etc/okta")})


def tenant_hooks(environ: dict[str, str] | None = None, **values: Any) -> TenantHooksConfig:
    context: dict[str, Any] = {"folder": Path("/etc/okta"), "environ": {}}
    return TenantHooksConfig.model_validate(values, context=context | ({HOOK_ENVIRON: environ} if environ is not None else {}))


def told(error: pytest.ExceptionInfo[ValidationError]) -> str:
    return str(error.value)


def test_defaults() -> None:
    config = hooks()
    assert (config.address, config.path_prefix, config.spool_dir) == (("127.0.0.1", 8480), "/hooks", Path("/etc/okta/data/hooks"))
    assert (config.keep_hours, config.keep_megabytes, config.cert_file, config.key_file) == (24.0, 1024.0, None, None)
    tenant = tenant_hooks(secret_env="SECRET")
    assert (tenant.header, tenant.mode, tenant.secret, tenant.previous_secret) == ("Authorization", "wake", SecretRef(env="SECRET"), None)


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("10.0.0.1:443", ("10.0.0.1", 443)),
        ("[::1]:8480", ("::1", 8480)),
        ("hooks.example.com:1", ("hooks.example.com", 1)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
    ],
)
def test_where_to_listen(listen: str, address: tuple[str, int]) -> None:
    assert hooks(listen=listen).address == address


@pytest.mark.parametrize(
    "listen", ["", "8480", "127.0.0.1", ":8480", "127.0.0.1:65536", "::1:8480", "http://127.0.0.1:8480", "a b:1", "127.0.0.1:x"]
)
def test_where_nobody_can_listen(listen: str) -> None:
    with pytest.raises(ValidationError, match=r"such as 127\.0\.0\.1:8480"):
        hooks(listen=listen)


@pytest.mark.parametrize(("prefix", "meant"), [("/hooks", "/hooks"), ("/hooks/", "/hooks"), ("/a/b-c", "/a/b-c"), ("/", "")])
def test_the_path_in_front_of_the_tenant(prefix: str, meant: str) -> None:
    assert hooks(path_prefix=prefix).path_prefix == meant


@pytest.mark.parametrize(
    "values",
    [
        {"path_prefix": "hooks"},
        {"path_prefix": "/a b"},
        {"path_prefix": "/a?b"},
        {"path_prefix": "//"},
        {"keep_hours": 0},
        {"keep_megabytes": 0.5},
        {"spool_dir": ""},
        {"key_file": "k"},
    ],
)
def test_values_out_of_range(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        hooks(**values)


def test_a_secret_is_looked_up_by_the_receiver_alone(tmp_path: Path) -> None:
    assert tenant_hooks(secret_env="NOT_SET", previous_secret_file=str(tmp_path / "none"))
    with pytest.raises(ValidationError, match="environment variable NOT_SET is not set or is empty"):
        tenant_hooks({}, secret_env="NOT_SET")
    with pytest.raises(ValidationError, match="none cannot be read"):
        tenant_hooks({"SECRET": "s"}, secret_env="SECRET", previous_secret_file=str(tmp_path / "none"))
    assert tenant_hooks({"SECRET": "s"}, secret_env="SECRET")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "exactly one of secret_env"),
        ({"secret_env": "A", "secret_file": "b"}, "given beside secret_file"),
        ({"secret_env": "A", "previous_secret_env": "B", "previous_secret_file": "c"}, "given beside previous_secret_file"),
        ({"secret_env": "A", "header": "Not a header"}, "the name of an HTTP header"),
        ({"secret_env": "not a name"}, "not the secret itself"),
        ({"secret_env": "A", "mode": "poll"}, "'wake' or 'merge'"),
        ({"secret_env": "A", "colour": "red"}, "Extra inputs"),
    ],
)
def test_what_may_not_stand_there(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        tenant_hooks(**values)


@pytest.mark.parametrize("secret", ["two\nlines", " indented", "tab\t", "x\x00"])
def test_a_secret_that_no_header_carries(secret: str) -> None:
    with pytest.raises(ValidationError, match="no HTTP header carries") as error:
        tenant_hooks({"SECRET": secret}, secret_env="SECRET")
    assert secret not in told(error)


TENANT = """
[[tenants]]
name = "acme"
org_url = "https://acme.okta.com"
{keys}
[tenants.auth]
method = "ssws"
token_env = "TOKEN"
[tenants.hooks]
secret_env = "HOOK_SECRET"
[sinks.archive]
type = "file"
path = "out/{{tenant}}.ndjson"
"""


def write(folder: Path, keys: str = "", more: str = "") -> Path:
    path = folder / "okta.toml"
    path.write_text(more + TENANT.format(keys=keys))
    return path


def test_the_flow_runs_without_the_hooks_secret(tmp_path: Path) -> None:
    settings = load(write(tmp_path, more='[hooks]\nspool_dir = "spool"\ncert_file = "not-there"\n'), {"TOKEN": "t"})
    assert settings.hooks.spool_dir == tmp_path / "spool"
    assert settings.tenants[0].hooks is not None


@pytest.mark.parametrize(
    ("keys", "named"), [('filter = "x pr"', "filter"), ('q = "word"', "q"), ('q = "word"\nfilter = "x pr"', "filter and q")]
)
def test_hooks_beside_a_filter_or_q_are_refused(tmp_path: Path, keys: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        load(write(tmp_path, keys), {"TOKEN": "t"})
    assert f"tenants[0].hooks: given beside {named}: hooks would bring events that polling leaves out" in str(error.value)
