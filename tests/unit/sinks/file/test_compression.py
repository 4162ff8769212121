import gzip
import io
import shutil
import subprocess

import pytest
import zstandard

from sinks.file.compression import end_of_last_frame, new_encoder

COMMANDS = {"gzip": ["gzip", "-dc"], "zstd": ["zstd", "-dc"]}


def frame(compression: str, data: bytes) -> bytes:
    encoder = new_encoder(compression)
    return encoder.compress(data) + encoder.flush()


def inflate(compression: str, data: bytes) -> bytes:
    if compression == "gzip":
        return gzip.decompress(data)
    return zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()


def test_none_has_no_encoder():
    assert new_encoder("none") is None


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
class TestFrames:
    def test_frames_behind_each_other_are_one_stream(self, compression):
        assert inflate(compression, frame(compression, b"one\n") + frame(compression, b"two\n")) == b"one\ntwo\n"

    def test_the_usual_tool_reads_them(self, compression):
        if shutil.which(COMMANDS[compression][0]) is None:
            pytest.skip(f"no {COMMANDS[compression][0]} here; apt-get install {COMMANDS[compression][0]}")
        data = frame(compression, b"one\n") + frame(compression, b"two\n")
        done = subprocess.run(COMMANDS[compression], input=data, capture_output=True, check=True)
        assert done.stdout == b"one\ntwo\n"

    @pytest.mark.parametrize("rest", [0, 1, 5, 20, -1])
    def test_the_end_of_the_last_frame_is_found(self, compression, rest):
        whole = frame(compression, b"one\n" * 50_000) + frame(compression, b"two\n")
        unfinished = frame(compression, bytes(range(256)) * 10)[:rest]
        assert end_of_last_frame(io.BytesIO(whole + unfinished), compression) == len(whole)

    def test_a_file_larger_than_one_read(self, compression):
        noise = b"".join(hash(i).to_bytes(8, "big") + i.to_bytes(3, "big") * 5 for i in range(100_000))
        whole = frame(compression, noise) * 3
        assert end_of_last_frame(io.BytesIO(whole + b"\x1f"), compression) == len(whole)
        assert len(whole) > 200_000

    @pytest.mark.parametrize("data", [b"", b"not compressed at all\n"])
    def test_no_frame_ends_at_zero(self, compression, data):
        assert end_of_last_frame(io.BytesIO(data), compression) == 0
