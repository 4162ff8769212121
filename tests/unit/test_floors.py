"""What `make lowest` installs are the floors that pyproject.toml promises: they are true as long as its tests pass."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PROMISED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["search"]]
LOCKED = dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", (ROOT / "requirements-lowest.lock").read_text(), re.MULTILINE))


@pytest.mark.parametrize("requirement", PROMISED)
def test_each_floor_is_what_is_tested(requirement: str) -> None:
    found = re.match(r"([a-z0-9-]+)(?:\[.*\])?>=([0-9.]+)", requirement)
    assert found, "it has a floor"
    name, floor = found.groups()
    assert f"{LOCKED[name]}.".startswith(f"{floor}."), f"{name}: {floor} is promised, {LOCKED[name]} is tested"


def test_what_builds_the_package_is_locked_in_one_version() -> None:
    (backend,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    for name in ("requirements-build.lock", "requirements-dev.lock", "requirements-lowest.lock"):
        assert f"\n{backend} \\\n    --hash=sha256:" in (ROOT / name).read_text(), name
