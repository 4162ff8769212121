"""The names that a filter may use: what Okta's OpenAPI says of a LogEvent, what the pipeline puts beside, and what an alert has.

Okta adds members now and then, so behind `debugData` and the like anything goes, and a caller may let any name pass.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from flows.pipeline.scim.problem import did_you_mean
from flows.pipeline.scim.syntax import Path

__all__ = ["ALERT_NAMES", "DATES", "EVENT_NAMES", "Names"]

_PLACE: Final = "geographicalContext(city country state postalCode geolocation(lat lon))"
_IP_DETAILS: Final = "ipDetails(asNumber asOrg domain isp ipServiceCategories(isAnonymous operator type))"
_EVENT: Final = f"""
    uuid published eventType version severity legacyEventType displayMessage
    actor(id type alternateId displayName detailEntry(*))
    client(id device zone ipAddress userAgent(rawUserAgent os browser) {_PLACE} ipChain(*))
    device(*)
    request(ipChain(ip version source {_PLACE} {_IP_DETAILS}))
    outcome(result reason)
    target(id type alternateId displayName detailEntry(*) changeDetails(*))
    transaction(id type detail(*))
    debugContext(debugData(*))
    authenticationContext(authenticationProvider authenticationStep credentialProvider credentialType externalSessionId interface
                          issuer(id type) rootSessionId)
    securityContext(asNumber asOrg domain isp isProxy botProtection(*) {_IP_DETAILS} risk(*) userBehaviors(id name result))
    riskContext(*)
    insertionTimestamp
"""
_TAGS: Final = "_okta_event_type _okta_tenant _okta_org _okta_labels(*)"
_EVENT_TAGS: Final = "_okta_category _okta_action _okta_source _okta_ingested_at _okta_mapping_error"
_ALERT: Final = """
    uuid published rule(id name title level tags author version) kind group(*) count first_event_at last_event_at
    events(uuid published eventType rule)
"""

DATES: Final = frozenset({"published", "_okta_ingested_at", "first_event_at", "last_event_at", "insertionTimestamp"})
"""Last names of what is compared as a time, not as text."""

_ANYTHING: Final = "*"
_WORD: Final = re.compile(r"[()]|[^\s()]+")


class Names:
    """A tree of names.

    Args:
        text: Names separated by blanks, each maybe with the names behind it in brackets; `*` stands for any.
    """

    def __init__(self, text: str) -> None:
        self._tree = _tree(iter(_WORD.findall(text)))

    def problem(self, path: Path) -> str:
        """Why a path is none; empty for one that is known."""
        here, walked = self._tree, ""
        for name in path:
            if _ANYTHING in here:
                return ""
            if name not in here:
                return f"field is not valid: {'.'.join(path)}" + self._hint(path, here, walked, name)
            walked += f"{name}."
            here = here[name]
        return ""

    def paths(self) -> Iterator[str]:
        """Every path, shortest first within a branch."""
        yield from _paths(self._tree, "")

    def _hint(self, path: Path, here: "_Tree", walked: str, name: str) -> str:
        if near := did_you_mean(name, here):
            return near.replace("mean ", f"mean {walked}", 1)
        # Somebody who types `ipAddress` or `alternateId` means the end of a path.
        ends = [known for known in self.paths() if known.rpartition(".")[2].lower() == path[-1].lower()]
        return f"; did you mean {' or '.join(ends[:3])}?" if ends else did_you_mean(".".join(path), self.paths())


_Tree = dict[str, "_Tree"]


def _tree(words: Iterator[str]) -> _Tree:
    tree: _Tree = {}
    last = ""
    for word in words:
        if word == ")":
            break
        if word == "(":
            tree[last] = _tree(words)
        else:
            tree.setdefault(word, {})
            last = word
    return tree


def _paths(tree: _Tree, front: str) -> Iterable[str]:
    for name, inner in tree.items():
        if name != _ANYTHING:
            yield front + name
            yield from _paths(inner, f"{front}{name}.")


EVENT_NAMES: Final = Names(f"{_EVENT} {_TAGS} {_EVENT_TAGS}")
"""Of an event, with the members that the pipeline puts in front."""

ALERT_NAMES: Final = Names(f"{_ALERT} event({_EVENT}) {_TAGS} {_EVENT}")
"""Of an alert; a name that only an event has is looked for in the event that completed the alert."""
