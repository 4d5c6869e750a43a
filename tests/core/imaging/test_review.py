"""Contact sheets and previews take any number of frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gioconda.imaging.review import ContactSheet, Preview
from gioconda.imaging.video import read_frames, video_info
from PIL import Image


def frame(value: int, width: int = 90, height: int = 60) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_a_sheet_is_a_grid_in_reading_order() -> None:
    sheet = ContactSheet(columns=3, tile_width=60)
    for number in range(4):
        sheet.add(number, frame(50 * number + 50))
    image = sheet.image()
    assert image.shape == (2 * 44 + 4, 3 * 64 + 4, 3)
    assert [int(image[10, x, 0]) for x in (30, 94, 158)] == [50, 100, 150]
    assert image[54, 30, 0] == 200
    assert image[54, 94, 0] == 40


def test_a_sheet_of_ten_thousand_frames_keeps_few_and_spreads_them() -> None:
    sheet = ContactSheet(tile_width=16, most=12)
    for number in range(10_000):
        sheet.add(number, frame(number * 255 // 10_000, 16, 16))
    assert 6 <= len(sheet._tiles) <= 12
    values = [int(tile[0, 0, 0]) for tile in sheet._tiles]
    assert values[0] == 0
    assert values[-1] > 200
    assert np.ptp(np.diff(values)) <= 1


def test_a_preview_writes_both(tmp_path: Path) -> None:
    with Preview(fps=24, video=tmp_path / "a.mp4", sheet=tmp_path / "a.png", longest=100) as preview:
        for number in range(5):
            preview.add(1001 + number, frame(40 * number + 20, 300, 201))
    info = video_info(tmp_path / "a.mp4")
    assert (info.width, info.height, info.frames) == (100, 68, 5)
    assert np.asarray(Image.open(tmp_path / "a.png")).shape[2] == 3
    assert abs(int(list(read_frames(tmp_path / "a.mp4"))[4][30, 50, 0]) - 180) < 4


def test_a_preview_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), Preview(fps=24, video=tmp_path / "a.mp4", sheet=tmp_path / "a.png") as preview:
        preview.add(1, frame(9))
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_no_frames_make_an_empty_sheet_and_no_video(tmp_path: Path) -> None:
    with Preview(fps=24, video=tmp_path / "a.mp4", sheet=tmp_path / "a.png"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
