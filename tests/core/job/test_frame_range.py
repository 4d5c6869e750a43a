"""Frame ranges and file patterns, as artists write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from gioconda.errors import SettingsError
from gioconda.job.frame_range import FramePattern, FrameRange
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("7", [7]), ("1-4", [1, 2, 3, 4]), ("1-10x3,4,20", [1, 4, 7, 10, 20]), ("-2-1", [-2, -1, 0, 1]), ("", [])],
)
def test_a_range_lists_its_frames(text: str, numbers: list[int]) -> None:
    assert FrameRange.parse(text).numbers() == numbers


@pytest.mark.parametrize("text", ["a", "1-", "1-2x", "1..3", "9-1", "1-9x0", "1,,2", "1-99999999999", "1-999999999"])
def test_a_range_that_makes_no_sense_says_which_part(text: str) -> None:
    with pytest.raises(SettingsError, match="Frame range"):
        FrameRange.parse(text)


@given(st.sets(st.integers(-50, 5000), max_size=60))
def test_formatting_and_reading_a_range_gives_the_same_frames(numbers: set[int]) -> None:
    assert FrameRange.parse(FrameRange.format(numbers)).numbers() == sorted(numbers)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("out/####.exr", "out/0042.exr"),
        ("out/%04d.exr", "out/0042.exr"),
        ("out/%d.exr", "out/42.exr"),
        ("out/face.@@@.exr", "out/face.042.exr"),
        ("/a#b/face_##.exr", "/a#b/face_42.exr"),
    ],
)
def test_a_pattern_names_its_files(pattern: str, name: str) -> None:
    assert FramePattern.parse(pattern).path(42) == Path(name)


def test_a_negative_frame_keeps_its_sign() -> None:
    assert FramePattern.parse("####.exr").path(-3) == Path("-0003.exr")


@pytest.mark.parametrize("pattern", ["out/frame.exr", "out/##_##.exr", "out/####.png", "out/####", "#" * 20 + ".exr"])
def test_a_pattern_that_cannot_name_a_sequence_is_refused(pattern: str) -> None:
    with pytest.raises(SettingsError, match="Output"):
        FramePattern.parse(pattern)
