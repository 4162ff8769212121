"""Downloads the servers' jars with Maven and compiles their launchers into `.servers/`."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

KINDS = ("opensearch", "elasticsearch")

SOURCES = Path(__file__).parent
FETCHED = SOURCES.parents[2] / ".servers"

_PACKAGES = {"java": "openjdk-17-jdk-headless", "javac": "openjdk-17-jdk-headless", "mvn": "maven"}


class FetchError(Exception):
    """The servers can't be fetched; the message says what to do."""


def version(kind: str) -> str:
    """The version of the server that the pom names."""
    found = re.search(rf"<{kind}>([\d.]+)</{kind}>", (SOURCES / kind / "pom.xml").read_text())
    assert found, f"{kind}/pom.xml names no version"
    return found[1]


def tool(name: str) -> str | None:
    """Where `java`, `javac` or `mvn` is: under JAVA_HOME if that is set, as Maven has it, else on the path."""
    home = os.environ.get("JAVA_HOME")
    return (shutil.which(name, path=f"{home}/bin") if home and name != "mvn" else None) or shutil.which(name)


def _missing(*tools: str) -> str | None:
    """What is missing of the tools and which packages have them."""
    missing = [name for name in tools if not tool(name)]
    if not missing:
        return None
    packages = " ".join(sorted({_PACKAGES[name] for name in missing}))
    return f"no {' and no '.join(missing)} found: install them (Debian: apt-get install {packages})"


def available(kind: str) -> str | None:
    """None if a server of this kind can be started here, else why not and what to do about it."""
    if _fetched_stamp(kind) != _stamp(kind):
        needs = _missing("java", "javac", "mvn")
        return f"{kind} {version(kind)} has not been fetched: run `make servers`" + (f"; {needs}" if needs else "")
    return _missing("java")


def fetch(kind: str) -> bool:
    """Fetch the server, unless it is there already.

    Returns:
        Whether there was anything to do.

    Raises:
        FetchError: A tool or the network is missing, or the launcher doesn't compile.
    """
    FETCHED.mkdir(exist_ok=True)
    with (FETCHED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs may start at the same time
        if _fetched_stamp(kind) == _stamp(kind):
            return False
        if missing := _missing("java", "javac", "mvn"):
            raise FetchError(f"{missing}, then run `make servers` again")
        _check_java()
        fresh = FETCHED / f"{kind}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        _collect_jars(kind, fresh / "lib")
        _compile(kind, fresh)
        (fresh / "stamp").write_text(_stamp(kind))
        # Only what is complete gets the name that counts.
        shutil.rmtree(FETCHED / kind, ignore_errors=True)
        fresh.rename(FETCHED / kind)
        return True


def _java_sources(kind: str) -> list[Path]:
    return sorted([*SOURCES.glob("*.java"), *(SOURCES / kind).glob("*.java")])


def _stamp(kind: str) -> str:
    """A hash of all that the fetched server is made from."""
    digest = hashlib.sha256()
    for path in [SOURCES / kind / "pom.xml", *_java_sources(kind)]:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _fetched_stamp(kind: str) -> str | None:
    path = FETCHED / kind / "stamp"
    return path.read_text() if path.exists() else None


def _check_java() -> None:
    """Both servers need Java 17; OpenSearch 2 asks for the security manager, which Java 24 no longer has."""
    said = subprocess.run([tool("javac") or "javac", "-version"], capture_output=True, text=True, check=False)
    found = re.search(r"javac (\d+)", said.stdout + said.stderr)
    if not found or not 17 <= int(found[1]) <= 23:
        has = found[0] if found else "a javac of unknown version"
        raise FetchError(f"Java 17 to 23 is needed, and here is {has}: install {_PACKAGES['javac']}, or point JAVA_HOME to such a JDK")


def _collect_jars(kind: str, folder: Path) -> None:
    # --strict-checksums: by default Maven only warns of a damaged download, and keeps it.
    arguments = [
        "-B",
        "-ntp",
        "-q",
        "--strict-checksums",
        "dependency:copy-dependencies",
        f"-DoutputDirectory={folder}",
        "-DincludeScope=runtime",
    ]
    _run(
        [tool("mvn") or "mvn", *arguments],
        SOURCES / kind,
        "Maven could not collect the jars: is Maven Central (or a mirror in ~/.m2/settings.xml) in reach?",
    )


def _compile(kind: str, folder: Path) -> None:
    arguments = ["--release", "17", "-cp", f"{folder}/lib/*", "-d", str(folder / "classes"), *map(str, _java_sources(kind))]
    _run([tool("javac") or "javac", *arguments], SOURCES, "the launcher does not compile")


def _run(command: list[str], folder: Path, complaint: str) -> None:
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise FetchError(f"{complaint}\n{done.stdout}")
