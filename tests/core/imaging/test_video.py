"""Videos are read frame by frame, upright, and written whole."""

from __future__ import annotations

import itertools
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from gioconda.errors import MotionError, OutputError, SettingsError
from gioconda.imaging.video import VideoWriter, read_frames, timed_frames, video_info
from PIL import Image

Y, X = np.mgrid[0:48, 0:80]


def picture(index: int, width: int = 80, height: int = 48) -> np.ndarray:
    """A smooth picture whose brightness tells the frame's index, with a red corner at the top left."""
    frame = np.dstack([X, Y * 2, np.full_like(X, index * 8)])[:height, :width].astype(np.uint8)
    frame[:16, :16] = (230, 20, 20)
    return frame


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    with VideoWriter(tmp_path / "clip.mp4", 80, 48, 23.976) as video:
        for index in range(20):
            video.write(picture(index))
    return tmp_path / "clip.mp4"


def test_what_is_written_is_read(clip: Path) -> None:
    info = video_info(clip)
    assert (info.width, info.height, info.frames, info.rotation) == (80, 48, 20, 0)
    assert info.fps == pytest.approx(24000 / 1001)
    frames = list(read_frames(clip))
    assert len(frames) == 20
    for index, frame in enumerate(frames):
        assert frame.dtype == np.uint8
        assert np.abs(frame.astype(int) - picture(index)).mean() < 4


def test_a_range_is_exact(clip: Path) -> None:
    frames = list(read_frames(clip, stop=10))[7:]
    assert len(frames) == 3
    assert [round(float(frame[30:, 30:, 2].mean()) / 8) for frame in frames] == [7, 8, 9]


def test_frames_come_one_at_a_time(clip: Path) -> None:
    assert len(list(itertools.islice(read_frames(clip), 2))) == 2


def test_colours_are_tagged_and_kept(clip: Path) -> None:
    with av.open(str(clip)) as container:
        frame = next(container.decode(video=0))
        assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (1, 1, 1, 1)
        assert frame.format.name == "yuv420p"
    np.testing.assert_allclose(next(read_frames(clip))[4:12, 4:12].mean((0, 1)), (230, 20, 20), atol=5)


def test_odd_sizes_are_padded(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "odd.mp4", 71, 41, 25) as video:
        video.write(picture(1, 71, 41))
    frame = next(read_frames(tmp_path / "odd.mp4"))
    assert frame.shape == (42, 72, 3)
    assert np.abs(frame[:41, :71].astype(int) - picture(1, 71, 41)).mean() < 4


@pytest.mark.parametrize(("turn", "corner"), [(90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))])
def test_a_clip_held_sideways_stands_upright(clip: Path, turn: int, corner: tuple[int, int]) -> None:
    """The track header's matrix turns the frame clockwise by `turn` degrees: the red corner moves."""
    one, zero, w = 0x00010000, 0, 0x40000000
    identity = struct.pack(">9I", one, zero, zero, zero, one, zero, zero, zero, w)
    cos, sin = {90: (0, one), 180: (-one, 0), 270: (0, -one)}[turn]
    turned = struct.pack(">9i", cos, sin, 0, -sin, cos, 0, 0, 0, w)
    data = clip.read_bytes()
    at = data.rindex(identity)  # the track's; the first is the film's
    clip.write_bytes(data[:at] + turned + data[at + 36 :])
    frame = next(read_frames(clip))
    info = video_info(clip)
    assert (info.width, info.height) == (frame.shape[1], frame.shape[0])
    assert frame.shape == ((80, 48, 3) if turn != 180 else (48, 80, 3))
    reds = {
        (row, column)
        for row in (0, -1)
        for column in (0, -1)
        if frame[row, column, 0].astype(int) - frame[row, column, 1] > 100
    }
    assert reds == {corner}


@pytest.mark.parametrize("content", [b"", b"just text" * 99])
def test_not_a_video(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    for ask in (video_info, lambda one: next(read_frames(one))):
        with pytest.raises(MotionError, match=r"a\.mp4 is not a video that can be read"):
            ask(path)


def test_no_file_or_a_folder(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match="There is no file"):
        video_info(tmp_path / "gone.mp4")
    with pytest.raises(MotionError, match="is a folder"):
        video_info(tmp_path)


def test_a_cut_off_video_says_how_much_is_left(clip: Path) -> None:
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(MotionError, match=r"is cut off: \d+ of its 20 frames|is damaged at frame \d+"):
        list(read_frames(clip))


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(
        b"RIFF"
        + struct.pack("<I", 8036)
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
        + b"data"
        + struct.pack("<I", 8000)
        + bytes(8000)
    )
    with pytest.raises(MotionError, match="has no picture track"):
        video_info(path)


def test_an_exception_leaves_no_video(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), VideoWriter(tmp_path / "a.mp4", 80, 48, 24) as video:
        video.write(picture(0))
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_impossible_wishes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="0 frames per second"):
        VideoWriter(tmp_path / "a.mp4", 80, 48, 0)
    with pytest.raises(SettingsError, match="no review codec 'divx'"):
        VideoWriter(tmp_path / "a.mp4", 80, 48, 24, codec="divx")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Cannot write"), VideoWriter(tmp_path / "file" / "a.mp4", 80, 48, 24):
        pass


def test_the_shared_clips_are_read(shared_data: Path) -> None:
    path = shared_data / "clips" / "d0.mp4"
    info = video_info(path)
    assert next(read_frames(path)).shape == (info.height, info.width, 3)
    assert info.frames > 10


# What strangers' videos are like -------------------------------------------------------------------------------------


def strange(path: Path, stamps: list[int], *, rate: int = 30, aspect: tuple[int, int] = (1, 1)) -> Path:
    """Grey frames of 64 × 96 at stamps of 1/600 s; `aspect`: of their pixels."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 96, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 600)
        stream.codec_context.sample_aspect_ratio = Fraction(*aspect)
        for i, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(np.full((96, 64, 3), 2 * i, np.uint8), format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 600)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_a_rate_that_varies_is_told_with_the_frames_it_comes_to(tmp_path: Path) -> None:
    stamps = [*range(0, 600, 20), *range(600, 1800, 60)]  # a second at 30, two at 10
    path = strange(tmp_path / "a.mp4", stamps)
    info = video_info(path)
    assert (info.fps, info.frames, info.varies) == (30, 88, True)
    times = [seconds for seconds, _ in timed_frames(path)]
    np.testing.assert_allclose(times, np.array(stamps) / 600)
    steady = video_info(strange(tmp_path / "b.mp4", [*range(0, 1200, 24)], rate=25))
    assert (steady.fps, steady.frames, steady.varies) == (25, 50, False)


def test_pixels_that_are_not_square_are_widened(tmp_path: Path) -> None:
    wide = strange(tmp_path / "a.mp4", [*range(0, 200, 20)], aspect=(2, 1))
    assert (video_info(wide).width, video_info(wide).height) == (128, 96)
    assert next(read_frames(wide)).shape == (96, 128, 3)
    tall = strange(tmp_path / "b.mp4", [*range(0, 200, 20)], aspect=(2, 3))
    assert next(read_frames(tall)).shape == (144, 64, 3)


def test_a_single_picture_is_no_video_and_an_animation_is_one(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match="single picture"):
        video_info(strange(tmp_path / "a.mp4", [0]))
    pictures = [Image.fromarray(np.full((64, 64, 3), 20 * i, np.uint8)) for i in range(12)]
    pictures[0].save(tmp_path / "a.avif", save_all=True, append_images=pictures[1:], duration=100)
    info = video_info(tmp_path / "a.avif")
    assert (info.frames, info.fps) == (12, 10)
    assert len(list(read_frames(tmp_path / "a.avif"))) == 12
