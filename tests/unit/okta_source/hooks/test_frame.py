"""Frames survive whatever happens to the file around them."""

import random

import pytest

from okta_source.hooks.frame import HEADER_BYTES, Frame, encode, read_frames

FRAMES = tuple(Frame(1_700_000_000_000 + number, bytes([65 + number]) * (number * 7)) for number in range(5))
DATA = b"".join(map(encode, FRAMES))


def test_frames_come_back_as_they_were_written() -> None:
    found = read_frames(DATA)
    assert (found.frames, found.used_bytes, found.damaged, found.wanted_bytes) == (FRAMES, len(DATA), False, 0)


@pytest.mark.parametrize("cut", range(len(DATA)))
def test_a_torn_end_is_left_for_the_next_look(cut: int) -> None:
    found = read_frames(DATA[:cut])
    whole = len(found.frames)
    assert found.frames == FRAMES[:whole]
    assert found.used_bytes == sum(HEADER_BYTES + len(frame.body) for frame in FRAMES[:whole])
    assert not found.damaged
    assert read_frames(DATA[found.used_bytes :]).frames == FRAMES[whole:]
    assert found.wanted_bytes <= len(DATA)


def test_a_piece_that_begins_within_a_frame_goes_on_with_the_next() -> None:
    for start in range(1, HEADER_BYTES):
        found = read_frames(DATA[start:])
        assert found.damaged
        assert found.frames == FRAMES[1:]


@pytest.mark.parametrize("seed", range(50))
def test_a_flipped_byte_costs_no_more_than_its_frame_and_never_gives_a_wrong_one(seed: int) -> None:
    rng = random.Random(seed)
    frames = tuple(Frame(seed * 1000 + number, rng.randbytes(rng.randrange(60))) for number in range(8))
    data = bytearray(b"".join(map(encode, frames)))
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    found = read_frames(bytes(data) + encode(frames[0]) * 2)
    assert set(found.frames) <= set(frames)
    # A length that was changed to more than there is makes a reader wait for it; what comes later resolves that.
    assert len(found.frames) >= 9 or found.wanted_bytes > 0


def test_an_impossible_length_is_stepped_over() -> None:
    frame = bytearray(encode(FRAMES[1]))
    frame[4:8] = b"\xff\xff\xff\xff"
    found = read_frames(bytes(frame) + encode(FRAMES[2]))
    assert found.frames == (FRAMES[2],)
    assert found.damaged
