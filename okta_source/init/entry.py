"""A tenant's entry as TOML, and the words for what comes next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from okta_source.config.problems import quoted

__all__ = ["Entry", "first_sink", "new_file", "next_steps"]

_SINK: Final = """[sinks.archive]
type = "file"
path = "data/{tenant}/{date}.ndjson"
"""


_SECRETS: Final = {
    "token": "the API token",
    "private_key": "the private key",
    "client_secret": "the client secret",
    "hook_secret": "the hooks' secret",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What was answered.

    Attributes:
        name: The tenant's name.
        org_url: The organisation's origin.
        method: The authentication method.
        start_from: Where the first run begins.
        display_name: For people; empty for none.
        auth: The further keys of `[tenants.auth]`, each with its value as TOML.
        hooks: The keys of `[tenants.hooks]` likewise; none for no push.
    """

    name: str
    org_url: str
    method: str
    start_from: str = "now"
    display_name: str = ""
    auth: Mapping[str, str] = field(default_factory=dict)
    hooks: Mapping[str, str] = field(default_factory=dict)

    def toml(self) -> str:
        """The `[[tenants]]` table."""
        lines = ["[[tenants]]", f"name = {quoted(self.name)}"]
        if self.display_name:
            lines.append(f"display_name = {quoted(self.display_name)}")
        lines += [f"org_url = {quoted(self.org_url)}", f"start_from = {quoted(self.start_from)}", ""]
        lines += ["[tenants.auth]", f"method = {quoted(self.method)}", *(f"{key} = {value}" for key, value in self.auth.items())]
        if self.hooks:
            lines += ["", "[tenants.hooks]", *(f"{key} = {value}" for key, value in self.hooks.items())]
        return "\n".join(lines) + "\n"


def new_file(entry: Entry) -> str:
    """A whole configuration of one tenant, which writes its events into files."""
    return f'[pipeline]\ndead_letter_dir = "data/dead-letter"\n\n{entry.toml()}\n{_SINK}'


def first_sink() -> str:
    """A sink for a file that has none yet."""
    return _SINK


def next_steps(entry: Entry, references: Sequence[tuple[str, str]], config: str) -> list[str]:
    """What is left to do.

    Args:
        entry: The tenant.
        references: Key and value of everything in the entry that refers to a secret.
        config: The option that names the configuration, with a space before it; empty for the usual place.
    """
    steps = []
    for key, value in references:
        what = _SECRETS[key.rpartition("_")[0]]
        if key.endswith("_env"):
            steps.append(f"put {what} into the environment: export {value}=…")
        else:
            steps.append(f"put {what} into the file {value}, and run: chmod 600 {value}")
    if entry.method == "refresh_token":
        steps.append(f"sign in once: python -m okta_source authorize --tenant {entry.name}{config}")
    if entry.hooks:
        steps.append(f"receive deliveries: python -m okta_source hooks{config}; and register the hook in Okta as docs/push.md says")
    steps.append(f"see whether it works: python -m okta_source check --tenant {entry.name}{config}")
    return steps
