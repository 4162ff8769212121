"""The receiver's life: kills, stops, full disks, rotated secrets and certificates, crowds, and starts that can't be."""

import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from okta_source.simulator.certificates import CertificateAuthority
from tests.e2e.harness import wait_for
from tests.e2e.push.conftest import write_config
from tests.e2e.push.receiving import SECRET, Receiver, exchange, free_port, post, request_bytes, spooled

BODY = b'{"data":{"events":[]}}'


def start(folder: Path, more: str = "") -> Receiver:
    port = free_port()
    return Receiver(write_config(folder, port, more), port)


def restart(before: Receiver) -> Receiver:
    return Receiver(before.config, before.port)


def numbered(number: int) -> bytes:
    return b'{"number":%d,"data":{"events":[]}}' % number


def deliver(port: int, numbers: list[int], answered: list[int], stop: threading.Event) -> None:
    """Deliver until told to stop; what was answered 200 is noted."""
    for number in numbers:
        if stop.is_set():
            return
        try:
            if post(port, "acme", numbered(number)) == 200:
                answered.append(number)
        except OSError:
            time.sleep(0.01)


def test_what_was_answered_is_in_the_spool_whenever_it_is_killed(tmp_path: Path) -> None:
    running = start(tmp_path)
    answered: list[int] = []
    stop = threading.Event()
    with ThreadPoolExecutor(8) as pool:
        for worker in range(8):
            pool.submit(deliver, running.port, list(range(worker, 1_000_000, 8)), answered, stop)
        try:
            for round_ in range(4):
                wait_for(lambda round_=round_: len(answered) > 150 * (round_ + 1), "answers")
                running.kill()
                running = restart(running)
        finally:
            stop.set()
    running.kill()
    found = set(spooled(tmp_path / "spool" / "acme"))
    assert len(answered) > 600
    assert [number for number in answered if numbered(number) not in found] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_answers_what_is_under_way_and_ends_soon(tmp_path: Path, number: signal.Signals) -> None:
    running = start(tmp_path)
    answered: list[int] = []
    stop = threading.Event()
    with ThreadPoolExecutor(4) as pool, socket.create_connection(("127.0.0.1", running.port), 10) as slow:
        slow.sendall(request_bytes("POST", "/hooks/acme", [("Authorization", SECRET), ("Content-Length", "100")], length=False) + b"half")
        for worker in range(4):
            pool.submit(deliver, running.port, list(range(worker, 1_000_000, 4)), answered, stop)
        wait_for(lambda: len(answered) > 20, "answers")
        code, seconds = running.stop(number)
        stop.set()
    assert code == 0
    assert seconds < 6.0
    found = set(spooled(tmp_path / "spool" / "acme"))
    assert [each for each in answered if numbered(each) not in found] == []


def test_a_full_disk_is_503_and_needs_no_restart(tmp_path: Path) -> None:
    with start(tmp_path) as running:
        assert post(running.port, "acme", numbered(0)) == 200
        # No file may grow beyond what this one has: to the receiver the disk is full.
        size = max(path.stat().st_size for path in (tmp_path / "spool" / "acme").glob("*.hooks"))
        hard = resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (size, hard))
        assert [post(running.port, "acme", numbered(each) * 3) for each in range(1, 6)] == [503] * 5
        assert running.health()[0] == 503
        assert running.count("acme", "failed") == 5
        running.line(r"acme: the spool can't be written .* 503")
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        assert post(running.port, "acme", numbered(7)) == 200
        assert running.health() == (200, "ok\n")
        running.line("acme: the spool can be written again")
        found = spooled(tmp_path / "spool" / "acme")
        assert (found[0], found[-1]) == (numbered(0), numbered(7))
        assert len(list((tmp_path / "spool" / "acme").glob("*.hooks"))) == 2


def test_a_secret_is_rotated_without_a_restart(tmp_path: Path) -> None:
    with start(tmp_path) as running:
        new = "the-new-secret-of-32-characters-or-more-0123456789"
        assert post(running.port, "acme", BODY, new) == 401
        (tmp_path / "acme.old").write_text(SECRET)
        (tmp_path / "acme.hook").write_text(new)
        wait_for(lambda: post(running.port, "acme", BODY, new) == 200, "the new secret")
        wait_for(lambda: post(running.port, "acme", BODY, SECRET) == 200, "the one before it")
        (tmp_path / "acme.old").write_text("")
        wait_for(lambda: post(running.port, "acme", BODY, SECRET) == 401, "the end of the one before it")
        assert post(running.port, "acme", BODY, new) == 200
        assert new not in running.output()


def test_tls_by_itself_and_a_certificate_that_changes(tmp_path: Path) -> None:
    first, second = CertificateAuthority(), CertificateAuthority()
    write_certificate(tmp_path, first)
    with start(tmp_path, 'cert_file = "cert.pem"\nkey_file = "key.pem"') as running:
        request = request_bytes("POST", "/hooks/acme", [("Authorization", SECRET)], BODY)
        trusts_first, trusts_second = (ssl.create_default_context(cadata=each.pem().decode()) for each in (first, second))
        assert exchange(running.port, request, context=trusts_first)[0] == 200
        with pytest.raises(ssl.SSLError):
            exchange(running.port, request, context=trusts_second)
        # The certificate before its key, as it happens: the pair that fits stays in use.
        (tmp_path / "key.pem").write_text("not a key")
        running.line("can't be used .* the one before it stays in use")
        assert exchange(running.port, request, context=trusts_first)[0] == 200
        write_certificate(tmp_path, second)
        running.line("the certificate was read again")
        assert exchange(running.port, request, context=trusts_second)[0] == 200
        # Plain HTTP, and a client that never finishes its handshake.
        assert exchange(running.port, request)[0] == 0
        with socket.create_connection(("127.0.0.1", running.port), 10) as silent:
            assert exchange(running.port, request, context=trusts_second)[0] == 200
            silent.settimeout(10)
            assert silent.recv(100) == b""
        assert running.stop()[0] == 0


def write_certificate(folder: Path, authority: CertificateAuthority) -> None:
    cert, key = authority.issue("localhost")
    (folder / "key.pem").write_bytes(key)
    (folder / "cert.pem").write_bytes(cert)


def test_a_crowd_of_tricklers_keeps_nobody_out(tmp_path: Path) -> None:
    """600 connections that send a byte now and then, while honest deliveries come."""
    with start(tmp_path) as running:
        stop = threading.Event()
        thread = threading.Thread(target=crowd, args=(running.port, 600, stop), daemon=True)
        thread.start()
        try:
            wait_for(lambda: re.search(r"okta_hook_connections [56]\d\d", running.metrics()) is not None, "the crowd")
            before = memory_bytes(running.process.pid)
            assert [post(running.port, "acme", numbered(number)) for number in range(40)] == [200] * 40
            assert memory_bytes(running.process.pid) - before < 40_000_000
        finally:
            stop.set()
            thread.join(30)
        assert spooled(tmp_path / "spool" / "acme") == [numbered(number) for number in range(40)]
        assert "Traceback" not in running.output()


def crowd(port: int, size: int, stop: threading.Event | Event, pause_seconds: float = 0.05) -> None:
    """Connections that trickle headers, bodies with the secret and bodies without; each that is closed is opened again."""
    heads = [
        b"POST /hooks/acme HTTP/1.1\r\nX-Slow: ",
        request_bytes("POST", "/hooks/acme", [("Authorization", SECRET), ("Content-Length", "5000")], length=False),
        request_bytes("POST", "/hooks/acme", [("Authorization", "wrong"), ("Content-Length", "5000")], length=False),
    ]
    connections: list[socket.socket | None] = [None] * size
    while not stop.is_set():
        for number in range(size):
            connection = connections[number]
            try:
                if connection is None:
                    connection = connections[number] = socket.create_connection(("127.0.0.1", port), 5)
                    connection.setblocking(False)
                    connection.send(heads[number % 3 if number % 10 else 0])
                else:
                    connection.send(b"x")
            except OSError:
                if connection is not None:
                    connection.close()
                connections[number] = None
        stop.wait(pause_seconds)
    for connection in connections:
        if connection is not None:
            connection.close()


def memory_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def refused(config: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """What a start says that can't be; its exit code is 2."""
    command = [sys.executable, "-m", "okta_source", "hooks", "--config", str(config), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, env={**os.environ, **(environment or {})})
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_a_start_that_cannot_be_says_why(tmp_path: Path) -> None:
    port = free_port()
    config = write_config(tmp_path, port)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert f"hooks.listen: can't listen on 127.0.0.1:{port} (Address already in use); end what listens there" in refused(config)
        free = write_config(tmp_path, free_port())
        assert f"--metrics-port: can't listen on 127.0.0.1:{port}" in refused(
            free, "--metrics-port", str(port), "--metrics-host", "127.0.0.1"
        )
    (tmp_path / "globex.hook").write_text("")
    assert "tenants[1].hooks.secret_file: file" in refused(config)
    (tmp_path / "globex.hook").write_text("two\nlines")
    told = refused(config)
    assert "holds a line break" in told
    assert "two" not in told
    (tmp_path / "globex.hook").write_text("good enough")
    (tmp_path / "spool").write_text("no folder")
    assert "hooks.spool_dir:" in refused(config)
    (tmp_path / "spool").unlink()
    (tmp_path / "cert.pem").write_text("no certificate")
    assert "hooks.cert_file: these files can't be used" in refused(write_config(tmp_path, port, 'cert_file = "cert.pem"'))
    text = config.read_text()
    config.write_text(text.replace("[hooks]", "[hooks]\nlisten_to = 5"))
    assert "hooks.listen_to: unknown key; did you mean listen?" in refused(config)
    config.write_text(text.replace('name = "acme"', 'name = "acme"\nfilter = "a eq 1"', 1))
    assert "tenants[0].hooks: given beside filter" in refused(config)
    config.write_text(
        "\n".join(
            line
            for line in text.splitlines()
            if "hooks" not in line and "secret" not in line and "header" not in line and "mode" not in line
        )
    )
    assert "no tenant has a table [tenants.hooks]" in refused(config)


def test_a_second_receiver_on_one_spool_is_refused(tmp_path: Path) -> None:
    with start(tmp_path) as running:
        text = running.config.read_text().replace(str(running.port), str(free_port()))
        other = tmp_path / "other.toml"
        other.write_text(text)
        assert "another receiver writes to" in refused(other)


def test_a_short_secret_and_one_that_others_may_read_are_warned_of(tmp_path: Path) -> None:
    port = free_port()
    config = write_config(tmp_path, port)
    (tmp_path / "globex.hook").write_text("short")
    (tmp_path / "globex.hook").chmod(0o644)
    with Receiver(config, port) as running:
        running.line(r"warning: globex: the hooks' secret in file .*globex\.hook is short")
        running.line(r"warning: globex: other users may read file .*globex\.hook; run: chmod 600")
        assert "acme" not in [line.split()[1] for line in running.output().splitlines() if line.startswith("warning")]
