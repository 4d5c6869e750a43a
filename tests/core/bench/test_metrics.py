"""The benchmarks' own yardsticks: what is measured must be what is said."""

from __future__ import annotations

import numpy as np
import pytest
from gioconda.landmarks import CHIN, LIPS_OUTER, NOSE_TIP, template

from tests.bench import metrics
from tests.bench.clips import SIZE, Crop
from tests.bench.report import Goal


@pytest.fixture
def landmarks() -> np.ndarray:
    """(478, 3) pixels: the template, frontal, 60 px between the outer eye corners, in a 160 x 192 picture."""
    return template() * 60 + [80, 80, 0]


@pytest.fixture
def picture() -> np.ndarray:
    """(192, 160, 3) uint8: smooth enough for SSIM, with some texture."""
    y, x = np.mgrid[:192, :160]
    return np.stack([128 + 60 * np.sin(x / 9), 128 + 60 * np.cos(y / 7), (x + y) / 2], 2).astype(np.uint8)


def nobody() -> np.ndarray:
    return np.zeros((192, 160), np.float32)


def test_psnr_of_a_difference_of_one_is_48_decibels() -> None:
    assert metrics.psnr(1.0) == pytest.approx(48.13, abs=0.01)


def test_equal_pictures_compare_as_perfect(picture: np.ndarray, landmarks: np.ndarray) -> None:
    row = metrics.compare(picture, picture.copy(), metrics.region_masks(landmarks, nobody()))
    assert row["psnr"] > 150
    assert row["ssim"] == pytest.approx(1.0)
    assert row["l1"] == 0
    assert row["psnr_mouth"] > 150


def test_a_uniform_difference_reads_the_same_in_every_region(picture: np.ndarray, landmarks: np.ndarray) -> None:
    person = np.ones((192, 160), np.float32)
    row = metrics.compare(picture, picture + 10, metrics.region_masks(landmarks, person))
    for name in metrics.REGIONS:
        assert row[f"psnr_{name}"] == pytest.approx(metrics.psnr(100))
    assert row["l1"] == pytest.approx(10 / 255)


def test_a_wrong_mouth_is_the_mouths_fault_alone(picture: np.ndarray, landmarks: np.ndarray) -> None:
    regions = metrics.region_masks(landmarks, nobody())
    x, y = landmarks[list(LIPS_OUTER), :2].mean(0).astype(int)
    output = picture.copy()
    output[y - 2 : y + 3, x - 4 : x + 5] = 0
    row = metrics.compare(picture, output, regions)
    assert row["psnr_mouth"] < row["psnr_face"] < row["psnr"]
    assert row["psnr_eyes"] > 150
    assert row["psnr_rest"] > 150


def test_a_region_that_is_not_there_is_left_out(picture: np.ndarray, landmarks: np.ndarray) -> None:
    row = metrics.compare(picture, picture, metrics.region_masks(landmarks, nobody()))
    assert "psnr_hair_body" not in row
    assert "psnr_face" in row


def test_pictures_of_different_sizes_are_refused(picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="192"):
        metrics.compare(picture, picture[:-1], {})


def test_the_face_holds_nose_and_mouth_and_the_rest_does_not(landmarks: np.ndarray) -> None:
    person = np.ones((192, 160), np.float32)
    regions = metrics.region_masks(landmarks, person)
    x, y = landmarks[NOSE_TIP, :2].astype(int)
    assert regions["face"][y, x]
    assert not regions["rest"][y, x]
    x, y = landmarks[CHIN, :2].astype(int)
    assert not regions["face"][y + 4, x]
    assert regions["hair_body"][y + 4, x]
    assert (regions["hair_body"] == regions["rest"]).all()
    assert not (regions["mouth"] & regions["eyes"]).any()


def test_akd_is_percent_of_the_interocular_distance(landmarks: np.ndarray) -> None:
    reach = metrics.interocular(landmarks)
    assert reach == pytest.approx(60, rel=1e-6)
    moved = landmarks + [0.6, 0, 5]
    row = metrics.landmark_distance(landmarks, moved, reach)
    assert row["akd"] == pytest.approx(1.0)
    assert row["akd_iris"] == pytest.approx(1.0)


def test_steady_motion_does_not_flicker_and_shimmer_does() -> None:
    mask = np.ones((8, 8), bool)
    ramp = [np.full((8, 8, 3), 10 * i, np.uint8) for i in range(6)]
    assert metrics.flicker(ramp, mask) == 0
    shimmer = [np.full((8, 8, 3), 100 + 2 * (i % 2), np.uint8) for i in range(6)]
    assert metrics.flicker(shimmer, mask) == pytest.approx(4)


def test_flicker_looks_inside_the_face_only(landmarks: np.ndarray) -> None:
    mask = metrics.steady_face(landmarks, 192, 160)
    frames = [np.where(mask[..., None], 50, 255 * (i % 2)).repeat(3, 2).astype(np.uint8) for i in range(3)]
    assert metrics.flicker(frames, mask) == 0


def test_flicker_of_two_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="three"):
        metrics.flicker([np.zeros((2, 2, 3), np.uint8)] * 2, np.ones((2, 2), bool))


@pytest.mark.parametrize(
    ("degrees", "name"),
    [(0, "0-3"), (-2.9, "0-3"), (3, "3-6"), (-9.99, "6-10"), (12, "10-15"), (15, "15-20"), (-41, "20+")],
)
def test_a_turn_to_either_side_falls_in_the_same_bin(degrees: float, name: str) -> None:
    assert metrics.yaw_bin(degrees) == name


def test_every_bin_has_a_name() -> None:
    assert metrics.yaw_bin_names() == ["0-3", "3-6", "6-10", "10-15", "15-20", "20+"]


def test_means_skip_frames_without_the_figure() -> None:
    rows = [{"psnr": 20.0}, {"psnr": 30.0}, {"psnr": float("nan")}, {}]
    assert metrics.mean(rows, "psnr") == 25
    assert np.isnan(metrics.mean(rows, "akd"))


def test_the_crop_is_twice_the_face_and_leaves_room_for_the_hair(landmarks: np.ndarray) -> None:
    crop = Crop.around(landmarks)
    inside = crop.into(landmarks)[:468, :2]
    low, high = inside.min(0), inside.max(0)
    assert (high - low).max() == pytest.approx(SIZE / 2, rel=0.02)
    assert (low + high)[0] / 2 == pytest.approx(SIZE / 2, abs=4)
    assert (low + high)[1] / 2 == pytest.approx(SIZE * 0.55, abs=4)


def test_a_crop_that_leaves_the_frame_repeats_its_border() -> None:
    frame = np.zeros((40, 30, 3), np.uint8)
    frame[:, -1] = 200
    cut = Crop(20, 0, 40).cut(frame)
    assert cut.shape == (SIZE, SIZE, 3)
    assert (cut[:, SIZE // 2 :] == 200).all()
    assert (cut[:, :100] == 0).all()


def test_a_goal_is_met_at_its_bound_and_never_by_nothing() -> None:
    assert Goal("PSNR", 25.0, at_least=25.0).met
    assert not Goal("PSNR", 24.99, at_least=25.0).met
    assert Goal("AKD", 1.13, at_most=1.13).met
    assert not Goal("AKD", float("nan"), at_most=1.13).met


def test_the_benchmark_still_fits_the_product() -> None:
    from tests.bench import speed_child  # these import everything that is used of the product
    from tests.bench.__main__ import parser

    assert speed_child.POSES > 1

    arguments = parser().parse_args(["reenactment", "--clips", "d0,d3", "--quick"])
    assert arguments.part == "reenactment"
    assert arguments.quick
