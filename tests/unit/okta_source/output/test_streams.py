"""What is printed can fail nobody: closed pipes, closed streams, any encoding; a full disk is told."""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

MAIN = """
import sys, json
from okta_source.output import run_command, write_utf8, nobody_reads
def main():
    {body}
    return {code}
sys.exit(run_command(main))
"""


def program(body: str, code: int = 0) -> list[str]:
    return [sys.executable, "-c", MAIN.format(body=body, code=code)]


def close(*descriptors: int) -> Callable[[], None]:
    return lambda: [os.close(descriptor) for descriptor in descriptors] and None


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_reader_that_goes_away_changes_no_exit_code(code: int) -> None:
    body = "[print('x' * 1000, flush=True) for _ in range(1000)]"
    with subprocess.Popen(program(body, code), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(10) == b"x" * 10
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == code


def test_what_prints_for_ever_can_know_that_nobody_reads() -> None:
    body = "while not nobody_reads(): print('x', flush=True)"
    with subprocess.Popen(program(body), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 0


def test_a_command_that_is_of_use_only_to_a_reader_is_told_once() -> None:
    body = """
    try:
        for number in range(10_000_000): print('x', flush=True)
    except BrokenPipeError: sys.stderr.write(f'told'); print('y', flush=True)
    """.strip()
    command = [part.replace("run_command(main)", "run_command(main, ends_with_reader=True)") for part in program(body, 7)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b"told"
        assert process.wait(30) == 7


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (1, 2), (0, 1, 2)])
def test_streams_that_were_closed_before_the_program_began(closed: tuple[int, ...]) -> None:
    body = "print('out'); sys.stderr.write('err'); assert not sys.stdin.isatty(); assert open('/dev/null').fileno() > 2"
    done = subprocess.run(program(body, 1), capture_output=True, check=False, preexec_fn=close(*closed))
    assert done.returncode == 1
    assert (done.stdout, done.stderr) == (b"" if 1 in closed else b"out\n", b"" if 2 in closed else b"err")


@pytest.mark.parametrize("encoding", ["ascii", "ascii:strict", "latin-1", "utf-8:strict"])
def test_a_letter_that_the_encoding_lacks_is_escaped(encoding: str) -> None:
    body = "print('Łódź \\\\ud83d'.encode().decode('unicode_escape')); print(chr(0x141), chr(0xd83d)); sys.stderr.write(chr(0x141))"
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(program(body), capture_output=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert b"\\ud83d" in done.stdout


def test_json_is_utf8_in_every_terminal() -> None:
    body = "write_utf8(json.dumps({'name': chr(0xe9) + chr(0xd83d)}, ensure_ascii=False))"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(program(body), capture_output=True, check=True, env=environment)
    assert json.loads(done.stdout) == {"name": "é\ud83d"}


@pytest.mark.parametrize(("code", "expected"), [(0, 1), (2, 2)])
def test_a_full_disk_is_told(code: int, expected: int) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(program("print('x' * 100_000)", code), stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == expected
    assert done.stderr == b"the output can't be written: No space left on device\n"
