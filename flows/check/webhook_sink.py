"""A webhook sink, step by step, without sending it an event: the way, and what an `OPTIONS`, or Splunk's own question, is answered."""

from collections.abc import Iterator
from contextlib import closing
from typing import Final
from urllib.parse import urlsplit

from flows.check.way import way_to
from okta_source.check.report import Verdict, failed, ok, warning
from sinks.config import WebhookSinkConfig
from sinks.config.targets import make_probe, url_of
from sinks.errors import SecretUnavailable
from sinks.webhook import HEC_HEALTH_PATH
from sinks.webhook.probe import Probed

__all__ = ["check_webhook_sink"]

_HEALTHY: Final = 17
_TELLS: Final = "check --send tells for sure: it delivers one marked event"
_COLLECTOR: Final = "/services/collector"


def check_webhook_sink(config: WebhookSinkConfig, *, sends: bool) -> Iterator[tuple[str, Verdict]]:
    """Go through the steps until one fails.

    Args:
        config: The sink's table.
        sends: Whether a test event follows: what an `OPTIONS` leaves in doubt is then no failure, since the event tells.
    """
    try:
        url = url_of(config)
        found = way_to([url], config, "the sink's url")
        yield from found.items()
        if any(verdict.status == "failed" for verdict in found.values()):
            return
        with closing(make_probe(config)) as probe:
            timeout_seconds = config.request_timeout_seconds
            if config.encoding == "hec":
                path = urlsplit(url).path
                yield "authentication", _hec(probe.ask("GET", timeout_seconds, _health_path(path), is_hec=True), path)
            else:
                yield "authentication", _plain(probe.ask("OPTIONS", timeout_seconds), sends=sends)
    except (SecretUnavailable, OSError) as error:
        yield "secret", failed(f"{error}", "Look at what the sink's credentials and TLS files refer to.")


def _health_path(path: str) -> str:
    """Beside the collector's own path, behind whatever a proxy has in front of it."""
    before, found, _ = path.partition(_COLLECTOR)
    return before + HEC_HEALTH_PATH if found else HEC_HEALTH_PATH


def _hec(probed: Probed, path: str) -> Verdict:
    if not probed.status:
        return failed(probed.reason, probed.fix)
    if probed.code == _HEALTHY:
        if _COLLECTOR not in path:
            return warning("the HTTP Event Collector is healthy, but the sink's url doesn't lead to it", f"End it in {_COLLECTOR}/event.")
        return ok(f"the HTTP Event Collector is healthy (code {_HEALTHY}); whether it takes this token and index, {_TELLS}")
    if probed.status in (404, 405):
        fix = f"Check the sink's url, which ends in {_COLLECTOR}/event; an old Splunk may lack {HEC_HEALTH_PATH}: {_TELLS}."
        return warning(f"no question about health is answered there: {probed.reason}", fix)
    return failed(probed.reason, probed.fix or "Look at Splunk's log, and at its HTTP Event Collector's settings.")


def _plain(probed: Probed, *, sends: bool) -> Verdict:
    """What the answer to an `OPTIONS` says; many receivers of POST know no other method, which is no fault of theirs."""
    status = probed.status
    asked = f"{probed.reason} (asked with OPTIONS, without an event)"
    if not status:
        return failed(probed.reason, probed.fix)
    if 200 <= status < 300:
        return ok(f"the receiver answers OPTIONS with {status}; whether it takes events, {_TELLS}")
    if status == 401:
        return (warning if sends else failed)(asked, f"{probed.fix} Where only POST is let in, {_TELLS}.")
    if 300 <= status < 400 or status in (407, 410, 502, 503, 504):
        return failed(asked, probed.fix)
    if status in (403, 404, 429) or (status >= 500 and status != 501):
        return warning(asked, f"{probed.fix} Where only POST is let in, {_TELLS}.".strip())
    return ok(f"the receiver answers, and knows no OPTIONS ({status}); whether it takes events, {_TELLS}")
