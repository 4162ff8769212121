"""Raw user agents → what is known of them, by the regular expressions of uap-core, the ones behind Elastic's user_agent processor.

They are imported and compiled for the first user agent that comes, not at the start: 0.15 s, nearly all of it in ua-parser's Rust part.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ua_parser import OS, Result, UserAgent

__all__ = ["user_agent"]

_LONGEST: Final = 2048
_OTHER: Final = "Other"


@lru_cache(maxsize=8192)
def user_agent(raw: str) -> dict[str, Any]:
    """The members of ECS's `user_agent` for a raw user agent: 20 to 200 µs for a new one.

    As Elasticsearch's processor has it: what nothing is known of is "Other" as a name and as a device, and has no `os` and no `version`.
    """
    found = _parse()(raw[:_LONGEST])
    agent, system, device = found.user_agent, found.os, found.device
    known: dict[str, Any] = {
        "device": {"name": device.family if device else _OTHER},
        "name": agent.family if agent else _OTHER,
        "original": raw,
    }
    if system:
        known["os"] = {"name": system.family}
        version = _version(system)
        if version:
            known["os"] |= {"full": f"{system.family} {version}", "version": version}
    version = _version(agent) if agent else ""
    if version:
        known["version"] = version
    return known


@cache
def _parse() -> "Callable[[str], Result]":
    from ua_parser import parse  # noqa: PLC0415 (see above)

    return parse


def _version(found: "UserAgent | OS") -> str:
    """The numbers up to the first that is missing, with dots between them."""
    numbers: list[str] = []
    for number in (found.major, found.minor, found.patch, found.patch_minor):
        if number is None:
            break
        numbers.append(number)
    return ".".join(numbers)
