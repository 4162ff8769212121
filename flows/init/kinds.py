"""The sinks that `init sink` offers: what each is for, what has to be asked for it, and what it is in the file. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, get_args

from okta_source.init.question import Question, is_like_a_secret, path, variable
from sinks.config import NAME_ALLOWED, NAME_PATTERN, RESERVED_NAMES, AlertLevel
from sinks.config.http import split_url

__all__ = ["BASICS", "KINDS", "WAYS", "Kind", "every_question"]

_ONLY: Final = "the configuration holds the variable's name (SPLUNK_AUTH) or the file's path (secrets/splunk) only"
_URL: Final = "an http:// or https:// URL such as https://siem.example.com/ingest, without user, password and fragment"
_LEVELS: Final = get_args(AlertLevel)


def _name(value: str) -> str:
    if not NAME_PATTERN.fullmatch(value) or value in RESERVED_NAMES:
        raise ValueError(NAME_ALLOWED)
    return value


def _type(value: str) -> str:
    kind = _ALIASES.get(value, value)
    if kind not in KINDS:
        raise ValueError(", ".join(KINDS))
    return kind


def _url(value: str) -> str:
    split_url(value, _URL, _URL)
    if "#" in value:
        raise ValueError(_URL)
    return value


def _hosts(value: str) -> str:
    for host in value.split(","):
        _url(host.strip() if "://" in host else f"https://{host.strip()}")
    return value


def _word(value: str) -> str:
    """A text that is no secret: a path, a target, a user."""
    if not value or "://" in value or is_like_a_secret(value):
        msg = "such a name; not a secret"
        raise ValueError(msg)
    return value


def _compression(value: str) -> str:
    if value not in ("none", "gzip", "zstd"):
        msg = "none, gzip, zstd"
        raise ValueError(msg)
    return value


def _format(value: str) -> str:
    if value not in ("raw", "ecs", "ocsf"):
        msg = "raw, ecs, ocsf"
        raise ValueError(msg)
    return value


def _level(value: str) -> str:
    if value not in _LEVELS:
        raise ValueError(", ".join(_LEVELS))
    return value


def _way(value: str) -> str:
    if value not in WAYS:
        raise ValueError(", ".join(WAYS))
    return value


@dataclass(frozen=True, slots=True)
class Kind:
    """A sink that most people want.

    Attributes:
        does: What it is for.
        name: What a sink of it is called, unless somebody says otherwise.
        table: Its type and what else is always the same, as TOML.
        questions: What has to be known of it.
        ways: How it may prove who it is, the usual way first; none where there is nothing to prove or just one way.
        is_for_alerts: Whether it gets alerts alone, which rules have to make first.
    """

    does: str
    name: str
    table: str
    questions: Sequence[Question]
    ways: Sequence[str] = field(default=())
    is_for_alerts: bool = False


_LEVEL: Final = Question("level_at_least", "Alerts from level", f"only those at least as grave: {', '.join(_LEVELS)}", _level, "high")

KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "file": Kind(
            "NDJSON on this machine, exactly once; what `search`, `tail` and `audit` read",
            "archive",
            'type = "file"',
            (
                Question(
                    "path",
                    "Path",
                    "from the configuration's folder; {tenant}, {date} and {hour} stand for themselves",
                    _word,
                    "data/{{tenant}}/{{date}}.ndjson",
                ),
                Question("compression", "Compression", "none, gzip, zstd", _compression, "none"),
                Question("keep", "Keep files for", "such as 90d; empty: for ever", _word, optional=True),
            ),
        ),
        "elasticsearch": Kind(
            "Elasticsearch or OpenSearch: a data stream, its template included",
            "search",
            'type = "elasticsearch"',
            (
                Question("hosts", "Hosts", "the nodes of one cluster, with commas between: https://es1.example.com:9200", _hosts),
                Question(
                    "format",
                    "Format",
                    "raw: Okta's own events; ecs: what Elastic's own rules and dashboards read; ocsf; empty: what [pipeline] says",
                    _format,
                    optional=True,
                ),
                Question(
                    "target",
                    "Data stream",
                    "or with {date} an index per day, with {tenant} one for each organisation; Elastic's own rules look at logs-okta*",
                    _word,
                    "logs-okta.bytewax-default",
                ),
            ),
            ("api_key", "user", "none"),
        ),
        "webhook": Kind(
            "any URL that takes JSON by POST",
            "hook",
            'type = "webhook"',
            (
                Question(
                    "url",
                    "URL",
                    "where events are posted to; where the URL itself is a secret, the variable or the file that holds it",
                    _url,
                    instead=(("url_env", variable), ("url_file", path)),
                ),
            ),
            ("header", "signature", "none"),
        ),
        "splunk": Kind(
            "Splunk's HTTP Event Collector",
            "splunk",
            'type = "webhook"\nencoding = "hec"',
            (
                Question(
                    "url",
                    "URL",
                    "Splunk Web: Settings > Data inputs > HTTP Event Collector > Global settings has the port: "
                    "https://splunk.example.com:8088/services/collector/event",
                    _url,
                ),
                Question(
                    "authorization_env",
                    "Variable or file with the word Splunk, a space and the token",
                    f"Splunk Web: Settings > Data inputs > HTTP Event Collector > New Token; {_ONLY}",
                    variable,
                    "{NAME}_AUTH",
                    instead=(("authorization_file", path),),
                ),
                Question("index", "Index", "empty: the token's own", _word, optional=True),
            ),
        ),
        "slack": Kind(
            "alerts into a channel of Slack, a message each",
            "slack",
            'type = "webhook"\nencoding = "slack"\nkinds = ["alerts"]',
            (
                Question(
                    "url_env",
                    "Variable or file with the webhook's URL",
                    "Slack: api.slack.com/apps > (your app) > Incoming Webhooks > Add New Webhook. The URL is a secret; "
                    "the configuration holds the variable's name (SLACK_URL) or the file's path (secrets/slack) only",
                    variable,
                    "{NAME}_URL",
                    instead=(("url_file", path),),
                ),
                _LEVEL,
            ),
            is_for_alerts=True,
        ),
        "pagerduty": Kind(
            "alerts as incidents of PagerDuty",
            "pagerduty",
            'type = "webhook"\nurl = "https://events.pagerduty.com/v2/enqueue"\nencoding = "pagerduty"\nkinds = ["alerts"]',
            (
                Question(
                    "routing_key_env",
                    "Variable or file with the integration key",
                    "PagerDuty: Services > (the service) > Integrations > Add > Events API V2; the configuration holds the variable's name "
                    "(PAGERDUTY_KEY) or the file's path (secrets/pagerduty) only",
                    variable,
                    "{NAME}_KEY",
                    instead=(("routing_key_file", path),),
                ),
                _LEVEL,
            ),
            is_for_alerts=True,
        ),
    }
)
"""Type, as `--type` takes it → what it is."""

_ALIASES: Final = {"opensearch": "elasticsearch", "hec": "splunk"}

WAYS: Final[Mapping[str, tuple[str, Sequence[Question]]]] = MappingProxyType(
    {
        "api_key": (
            "an API key, as Kibana shows it",
            (
                Question(
                    "api_key_env",
                    "Variable or file with the API key",
                    f"Kibana: Stack Management > API keys > Create API key; {_ONLY}",
                    variable,
                    "{NAME}_API_KEY",
                    instead=(("api_key_file", path),),
                ),
            ),
        ),
        "user": (
            "a user with a password, as OpenSearch has them",
            (
                Question("username", "User", "one that may write the data stream: docs/destinations.md has the privileges", _word),
                Question(
                    "password_env",
                    "Variable or file with the password",
                    _ONLY,
                    variable,
                    "{NAME}_PASSWORD",
                    instead=(("password_file", path),),
                ),
            ),
        ),
        "header": (
            "a header Authorization, such as Bearer and a token",
            (
                Question(
                    "authorization_env",
                    "Variable or file with the header's value",
                    f"whole, such as: Bearer 0a1b2c; {_ONLY}",
                    variable,
                    "{NAME}_AUTH",
                    instead=(("authorization_file", path),),
                ),
            ),
        ),
        "signature": (
            "a signature as Standard Webhooks says, which the receiver checks",
            (
                Question(
                    "secret_env",
                    "Variable or file with the signing secret",
                    f"whsec_ and Base64, such as of: openssl rand -base64 32; {_ONLY}",
                    variable,
                    "{NAME}_SECRET",
                    instead=(("secret_file", path),),
                ),
            ),
        ),
        "none": ("nothing is asked for there", ()),
    }
)
"""How a sink proves who it is, as `--credentials` takes it → what that is, and what has to be known."""

BASICS: Final = (
    Question("type", "Type", "where events go", _type),
    Question("name", "Name", "yours to choose: the key of its metrics, dead letters and outbox", _name),
    Question("credentials", "Credentials", "how it is let in", _way),
)
"""What is asked of every sink; the last of those with several ways alone."""


def every_question() -> Sequence[Question]:
    """All questions of all kinds, each key once."""
    kinds = [question for kind in KINDS.values() for question in kind.questions]
    ways = [question for _, questions in WAYS.values() for question in questions]
    found: dict[str, Question] = {}
    for question in (*kinds, *ways):
        found.setdefault(question.key, question)
    return list(found.values())
