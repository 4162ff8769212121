"""Installs the other collectors from the package index or the Go proxy, each into a folder of its own below `.bench`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.races.collector import ENVIRONMENTS

PACKAGES = {"grove": "grove==2.2.0", "airbyte": "airbyte-source-okta==0.3.26", "tenzir": "tenzir==6.20.0"}
_BEATS = "github.com/elastic/beats/v7@v7.17.29"
_INSTALL_SECONDS = 900
_BUILD_SECONDS = 3600
_GO_FOLDERS = ("/usr/local/go/bin", "/usr/lib/go/bin")


def install(key: str) -> str:
    """Make an environment, unless it is there.

    Returns:
        Why it can't be, for people; empty when it is ready. bytewax-okta and the plain loop need none.
    """
    if key not in PACKAGES and key != "filebeat":
        return ""
    wanted = PACKAGES.get(key, _BEATS)
    folder = ENVIRONMENTS / key
    stamp = folder / "installed"
    if stamp.is_file() and stamp.read_text().strip() == wanted:
        return ""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        reason = _build_filebeat(folder) if key == "filebeat" else _install_package(folder, wanted)
    except subprocess.TimeoutExpired as error:
        reason = f"took longer than {error.timeout:.0f} s"
    if not reason:
        stamp.write_text(wanted + "\n")
    return reason


def _install_package(folder: Path, package: str) -> str:
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", package]
    for command in ([sys.executable, "-m", "venv", str(folder)], pip):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
        if done.returncode:
            return _last_line(done.stderr, f"{command[2]} ended with {done.returncode}")
    return ""


def _build_filebeat(folder: Path) -> str:
    """Build x-pack Filebeat inside its own module, so that the module's `replace` directives and `go.sum` hold."""
    go = shutil.which("go", path=os.pathsep.join([os.environ.get("PATH", ""), *_GO_FOLDERS]))
    if not go:
        return "needs Go (https://go.dev/dl), which is not on the PATH"
    modules, cache = folder / "modules", folder / "cache"
    environment = {
        **os.environ,
        "GOMODCACHE": str(modules),
        "GOCACHE": str(cache),
        # Without -modcacherw nobody could delete the modules again.
        "GOFLAGS": "-modcacherw -buildvcs=false",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }
    download = [go, "mod", "download", "-json", _BEATS]
    done = subprocess.run(download, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=_BUILD_SECONDS)
    if done.returncode:
        return _last_line(done.stderr, "its modules can't be downloaded")
    source = Path(json.loads(done.stdout)["Dir"])
    build = [go, "build", "-o", str(folder / "filebeat"), "./x-pack/filebeat"]
    done = subprocess.run(build, cwd=source, env=environment, capture_output=True, text=True, check=False, timeout=_BUILD_SECONDS)
    if done.returncode:
        return _last_line(done.stderr, "go build failed")
    for used in (modules, cache):
        shutil.rmtree(used)
    return ""


def _last_line(text: str, otherwise: str) -> str:
    return (text.strip().splitlines() or [otherwise])[-1]
