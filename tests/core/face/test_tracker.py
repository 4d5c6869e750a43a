"""Following a face through a clip made from a portrait, so that its true movement is known."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from gioconda.errors import MotionError, NoFaceError
from gioconda.face.nets import Nets
from gioconda.face.region import around_landmarks
from gioconda.face.tracker import FaceTracker, track_video
from gioconda.imaging.video import VideoWriter
from skimage.data import astronaut

FPS = 24.0


@pytest.fixture(scope="module")
def nets(models_folder: Path) -> Nets:
    return Nets.open(models_folder, "cpu")


def step(number: int) -> np.ndarray:
    """(2, 3): how the portrait lies in frame `number`."""
    matrix = cv2.getRotationMatrix2D((225, 120), 1.5 * number, 1 + 0.01 * number)
    matrix[:, 2] += (3.0 * number, 1.0 * number)
    return matrix


def moving(number: int) -> np.ndarray:
    return cv2.warpAffine(astronaut(), step(number), (512, 512), borderMode=cv2.BORDER_REPLICATE)


def written(path: Path, frames: list[np.ndarray]) -> Path:
    with VideoWriter(path, 512, 512, FPS) as video:
        for frame in frames:
            video.write(frame)
    return path


def test_a_moving_face_is_followed(nets: Nets, tmp_path: Path) -> None:
    done: list[tuple[int, int]] = []
    path = written(tmp_path / "moving.mp4", [moving(n) for n in range(10)])
    motion = track_video(path, nets, on_progress=lambda *progress: done.append(progress))
    assert motion.landmarks is not None and motion.landmarks.shape == (10, 478, 3) and motion.size == (512, 512)
    assert motion.fps == pytest.approx(FPS) and motion.frames.tolist() == list(range(10)) and done[-1] == (10, 10)
    assert motion.confidence is not None and motion.confidence.min() > 0.9
    start = motion.landmarks[0, :, :2].astype(np.float64)
    eyes = np.linalg.norm(start[33] - start[263])
    for number in range(10):
        expected = start @ step(number)[:, :2].T + step(number)[:, 2]
        error = np.linalg.norm(motion.landmarks[number, :, :2] - expected, axis=1).mean() / eyes
        assert error < 0.04, number


def test_a_face_that_goes_is_missing_and_found_again_elsewhere(nets: Nets, tmp_path: Path) -> None:
    grey = np.full((512, 512, 3), 120, np.uint8)
    shifted = np.roll(astronaut(), 180, axis=1)
    motion = track_video(written(tmp_path / "gap.mp4", [moving(0)] * 2 + [grey] * 3 + [shifted] * 2), nets)
    assert motion.landmarks is not None and motion.confidence is not None
    missing = np.isnan(motion.landmarks).all((1, 2))
    assert missing.tolist() == [False, False, True, True, True, False, False]
    assert (motion.confidence[missing] == 0).all()
    assert motion.landmarks[-1, 4, 0] - motion.landmarks[0, 4, 0] == pytest.approx(180, abs=4)
    assert motion.provenance["tracked"] == 4


def test_a_clip_can_be_cut_short(nets: Nets, tmp_path: Path) -> None:
    motion = track_video(written(tmp_path / "clip.mp4", [moving(0)] * 6), nets, max_frames=3)
    assert len(motion) == 3


def test_a_clip_without_a_face_gives_a_sentence(nets: Nets, tmp_path: Path) -> None:
    path = written(tmp_path / "empty.mp4", [np.full((512, 512, 3), 120, np.uint8)] * 3)
    with pytest.raises(NoFaceError, match=r"any of the 3 frames of .*empty\.mp4"):
        track_video(path, nets)


def test_a_file_that_is_no_video_gives_a_sentence(nets: Nets, tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_bytes(b"nothing")
    with pytest.raises(MotionError, match=r"no\.mp4"):
        track_video(tmp_path / "no.mp4", nets)


def test_a_still_face_gives_the_same_points_every_time(nets: Nets) -> None:
    tracker = FaceTracker(nets)
    points = [tracker.follow(astronaut())[0] for _ in range(12)]
    assert all(p is not None for p in points)
    later = np.stack([p for p in points[4:] if p is not None])
    eyes = np.linalg.norm(later[0, 33, :2] - later[0, 263, :2])
    assert np.abs(np.diff(later[..., :2], axis=0)).max() < 0.02 * eyes


def test_a_picture_shown_twice_gives_the_same_points_the_first_time_and_the_second(nets: Nets) -> None:
    tracker = FaceTracker(nets)
    first, _ = tracker.follow(astronaut())
    second, _ = tracker.follow(astronaut())
    assert first is not None and second is not None
    eyes = float(np.linalg.norm(first[33] - first[263]))
    assert np.linalg.norm((first - second)[:, :2], axis=1).mean() < 0.004 * eyes


def test_the_square_lies_on_the_face_the_same_in_every_frame(nets: Nets) -> None:
    tracker = FaceTracker(nets)
    for number in range(4):
        points, _ = tracker.follow(cv2.warpAffine(astronaut(), step(number), (512, 512)))
        assert points is not None
        assert tracker.region == around_landmarks(points)


def test_a_clip_of_a_talking_head_is_followed(nets: Nets, shared_data: Path) -> None:
    motion = track_video(shared_data / "clips" / "d19.mp4", nets, max_frames=12)
    assert motion.confidence is not None and motion.confidence.min() > 0.9
