"""Rules and lists of a configuration, read."""

from pathlib import Path

import pytest

from flows.configuration.settings import load
from okta_source.config.problems import ConfigurationError
from okta_source.detections.choice import ChoiceError, choose
from okta_source.detections.library import LiveLists, load_rules, managed_files, read_lists
from okta_source.detections.problems import RulesError
from okta_source.detections.table import read_table
from tests.unit.okta_source.detections.making import rule_text

CONFIG = """
[[tenants]]
name = "acme"
org_url = "acme"
auth = { method = "ssws", token_env = "TOKEN" }
[sinks.archive]
type = "file"
path = "data/{tenant}/{date}.ndjson"
"""
LISTED = rule_text("sel: {actor.id|expand: '%clients%'}") + "name: listed\n"


@pytest.fixture
def config(tmp_path: Path):
    def write(table: str, **files: str) -> str:
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_yml", ".yml")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        (tmp_path / "okta.toml").write_text(CONFIG + table)
        return str(tmp_path / "okta.toml")

    return write


def test_without_a_table_there_are_no_detections(config) -> None:
    assert load(config(""), {"TOKEN": "x"}).detections is None
    assert read_table(config(""), {}) is None


def test_files_folders_and_globs(config) -> None:
    rule = rule_text("sel: {severity: warn}")
    files = {
        f"{folder}__{name}_yml": rule + f"name: {name}\nid: 1111111{number}-1111-4111-8111-111111111111\n"
        for number, (folder, name) in enumerate([("one", "a"), ("two", "b"), ("two", "c"), ("more", "d")])
    }
    table = read_table(config('[detections]\nmanaged = false\nrules = ["one/a.yml", "two", "mo*/*.yml", "one"]', **files), {})
    assert table is not None
    assert [active.rule.about.name for active in load_rules(table)[0].rules] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('rules = ["nowhere.yml"]', "nowhere.yml is not there; needed: a file of Sigma rules, a folder that holds some, or a glob"),
        ('rules = "rules"', 'allowed: a list of files, folders and globs, such as "rules/"'),
        ('level_at_least = "hgih"', "allowed: informational, low, medium, high, critical"),
        ("lists = { clients = 5 }", 'needed: a list of texts, or { file = "…" } with a value a line'),
        ('lists = { clients = { file = "gone.txt" } }', "gone.txt cannot be read: No such file or directory"),
        ("rule = []", "detections.rule: unknown key; did you mean rules?"),
    ],
)
def test_problems_of_the_table(config, table: str, problem: str) -> None:
    path = config(f"[detections]\n{table}")
    for read in (lambda: load(path, {"TOKEN": "x"}), lambda: read_table(path, {})):
        with pytest.raises(ConfigurationError) as caught:
            read()
        assert problem in str(caught.value)


def test_lists_of_texts_and_of_files(config) -> None:
    path = config(
        '[detections]\nmanaged = false\nrules = ["r.yml"]\nlists = { clients = { file = "clients.txt" }, other = ["x"] }',
        r_yml=LISTED, **{"clients.txt": "# known\n0oa1\n\n 0oa2 \n0oa1\n"},
    )  # fmt: skip
    table = read_table(path, {})
    assert table is not None
    assert read_lists(table) == {"clients": ("0oa1", "0oa2"), "other": ("x",)}
    watched = LiveLists(table)
    assert watched.are_files
    assert watched.changed(dict) is None
    (Path(path).parent / "clients.txt").write_text("0oa3\n")
    with pytest.raises(ValueError, match="no number"):
        watched.changed(_refuse)
    assert watched.changed(dict) == {"clients": ("0oa3",), "other": ("x",)}
    assert watched.changed(dict) is None
    (Path(path).parent / "clients.txt").unlink()
    with pytest.raises(FileNotFoundError):
        watched.changed(dict)


def _refuse(_: object) -> None:
    msg = "no number"
    raise ValueError(msg)


def test_a_rule_brings_lists_along_for_where_there_are_none(config) -> None:
    own = LISTED + "lists: {clients: [0oa9]}\n"
    table = read_table(config('[detections]\nmanaged = false\nrules = ["r.yml"]', r_yml=own), {})
    assert table is not None
    assert load_rules(table)[0].lists == {"clients": ("0oa9",)}
    table = read_table(config('[detections]\nmanaged = false\nrules = ["r.yml"]\nlists = { clients = ["0oa1"] }', r_yml=own), {})
    assert table is not None
    assert load_rules(table)[0].lists == {"clients": ("0oa1",)}


def test_every_problem_of_every_file_at_once(config) -> None:
    table = read_table(
        config(
            '[detections]\nmanaged = false\nrules = ["r"]\ndisable = ["nobody"]',
            r__a_yml=LISTED, r__b_yml=rule_text("sel: {severity|x: 1}"), r__c_yml=rule_text("sel: {event_type: x}"),
        ), {},
    )  # fmt: skip
    assert table is not None
    with pytest.raises(RulesError) as caught:
        load_rules(table)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "there is no list clients" in lines[0]
    assert "x is no modifier of Sigma 2.1" in lines[1]
    assert lines[2].endswith(
        '/okta.toml: detections.disable[0]: "nobody" is not allowed; allowed: ids and names of own rules, since managed is false'
    )


def test_the_example_of_the_docs_stands_beside_the_managed_rules(config) -> None:
    page = Path(__file__).parents[4] / "docs" / "detections.md"
    example = page.read_text("utf-8").partition("## Writing rules\n\n```yaml\n")[2].partition("```")[0]
    spray = rule_text("sel: {eventType: user.session.start}")
    table = read_table(config('[detections]\nrules = ["r"]', r__example_yml=example, r__password_spray_yml=spray), {})
    assert table is not None
    rules, doubts = load_rules(table)
    assert doubts == []
    named = [active for active in rules.rules if active.rule.about.name == "brute_force"]
    assert [[Path(rules.rules[child].rule.about.file).name for child in active.children] for active in named] == [
        ["building_blocks.yml"], ["example.yml"]
    ]  # fmt: skip


def test_a_replaced_managed_rule_is_meant_by_what_refers_to_it(config) -> None:
    text = dict(managed_files())["brute_force.yml"].decode().replace("gte: 10", "gte: 20")
    table = read_table(config('[detections]\nrules = ["r"]', r__ours_yml=text), {})
    assert table is not None
    rules, _ = load_rules(table)
    ours = rules.find("brute_force")
    assert ours is not None
    assert ours.rule.about.name == "ours"
    attack = rules.find("password_attack")
    assert attack is not None
    assert ours in [rules.rules[child] for child in attack.children]


def test_what_a_command_is_about(config, tmp_path: Path) -> None:
    path = config('[detections]\nrules = ["r.yml"]\nlists = { clients = ["0oa1"] }', r_yml=LISTED)
    assert choose((), path, {}).config.managed
    assert choose(["configured"], path, {}).name == "configured"
    chosen = choose([str(tmp_path / "r.yml")], path, {}).config
    assert (chosen.managed, dict(chosen.lists)) == (False, {"clients": ("0oa1",)})
    assert choose(["managed"], None, {"OKTA_PIPELINE_CONFIG": str(tmp_path / "gone.toml")}).config.managed
    with pytest.raises(ChoiceError, match="there are no rules"):
        choose([str(tmp_path / "gone")], path, {})
    with pytest.raises(ChoiceError, match=r"configured stands alone: it means all that \[detections\] names"):
        choose(["configured", "managed"], path, {})
    with pytest.raises(ChoiceError, match="no table"):
        choose(["configured"], config(""), {})
    with pytest.raises(ConfigurationError):
        choose((), str(tmp_path / "gone.toml"), {})
