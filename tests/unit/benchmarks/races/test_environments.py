import pytest

from tests.benchmarks.races import environments


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "ENVIRONMENTS", tmp_path)
    monkeypatch.setattr(environments, "_GO_FOLDERS", ())
    return tmp_path


def test_without_go_there_is_a_reason_and_no_filebeat(folder, monkeypatch):
    monkeypatch.setenv("PATH", str(folder))
    assert "needs Go" in environments.install("filebeat")
    assert not (folder / "filebeat" / "installed").exists()


def test_what_is_there_in_the_wanted_version_is_left_alone(folder, monkeypatch):
    monkeypatch.setattr(environments.subprocess, "run", None)
    for key, wanted in environments.PACKAGES.items():
        (folder / key).mkdir()
        (folder / key / "installed").write_text(wanted + "\n")
        assert not environments.install(key)


def test_another_version_is_replaced(folder, monkeypatch):
    (folder / "grove").mkdir()
    (folder / "grove" / "installed").write_text("grove==0.1\n")
    monkeypatch.setattr(environments, "_install_package", lambda _folder, package: f"can't find {package}")
    assert environments.install("grove") == f"can't find {environments.PACKAGES['grove']}"
    assert not (folder / "grove" / "installed").exists()


def test_the_plain_loop_needs_nothing(folder):
    assert not environments.install("loop")
    assert not list(folder.iterdir())
