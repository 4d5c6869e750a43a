"""From a motion to a portrait's performance."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from gioconda import landmarks
from gioconda.errors import MotionError, SettingsError
from gioconda.job.retarget import RetargetSettings
from gioconda.landmarks import ARKIT, template
from gioconda.motion import blendshapes, regions
from gioconda.motion.motion import Motion
from gioconda.motion.retarget import retarget
from gioconda.pose import Performance, euler_degrees, head_pose, rotation_matrix

from .mouth_gap import mouth_gap

EXACT = RetargetSettings(neutral=0, smoothing="none", dead_band=0, lid_floor=0, lock_scale=False)


def person(wide: float = 1.0, high: float = 1.0, size: float = 180.0, yaw: float = 0.0) -> np.ndarray:
    """A made-up face as a tracker sees it: (478, 3) pixels."""
    face = template() * [wide, high, 1.0]
    return size * face @ rotation_matrix(yaw, 3, 2).T + [300, 250, 0]


def performance_of(face: np.ndarray, count: int = 40, *, noise: float = 0.0, still: bool = False) -> Motion:
    """That face talking, blinking, looking and turning (or sitting still) for `count` frames."""
    rng = np.random.default_rng(7)
    t = np.linspace(0, 1, count)
    channels = np.zeros((count, 52), np.float32)
    for k, name in enumerate(("jawOpen", "mouthSmileLeft", "browInnerUp", "eyeLookOutLeft", "eyeLookInRight")):
        channels[:, ARKIT.index(name)] = 0.5 * np.sin(np.pi * t * (k + 1)) ** 2
    channels[count // 2, [ARKIT.index("eyeBlinkLeft"), ARKIT.index("eyeBlinkRight")]] = 1
    pose = head_pose(face)
    own = pose.to_head(face)
    moved = own + (0 if still else 1) * blendshapes.displacement(channels)
    frames = []
    for i, head in enumerate(moved):
        turn = rotation_matrix(*((0, 0, 0) if still else (12 * t[i], -5 * t[i], 4 * t[i]))) @ pose.rotation
        shift = pose.translation + ([0, 0, 0] if still else [30 * t[i], -10 * t[i], 0])
        frames.append((1 if still else 1 + 0.1 * t[i]) * pose.scale * head @ turn.T + shift)
    points = np.array(frames) + rng.normal(size=(count, 478, 3)) * noise * pose.scale
    return Motion(25, np.arange(1, count + 1), landmarks=points.astype(np.float32))


def placed(performance: Performance, portrait: np.ndarray) -> np.ndarray:
    """Where the engine puts the landmarks, (F, 478, 3) pixels."""
    pose = head_pose(portrait)
    own = pose.to_head(portrait)
    return np.array(
        [
            pose.scale * p.scale * (own + p.displacement) @ (p.rotation @ pose.rotation).T
            + pose.translation
            + pose.scale * p.translation
            for p in performance
        ]
    )


def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distances in the picture as shares of the inter-ocular distance, (F, 478)."""
    eyes = np.linalg.norm(b[:, 33] - b[:, 263], axis=1).mean()
    return np.linalg.norm((a - b)[..., :2], axis=2) / eyes


def test_driven_by_itself_a_face_goes_exactly_where_it_was_tracked() -> None:
    motion = performance_of(person(1.1, 0.9, yaw=8))
    error = apart(placed(retarget(motion, motion.landmarks[0], EXACT), motion.landmarks[0]), motion.landmarks)  # type: ignore[index]
    assert error.max() < 1e-4


def test_with_lids_that_close_it_still_does_on_average() -> None:
    motion = performance_of(person())
    settings = replace(EXACT, lid_floor=0.045)
    error = apart(placed(retarget(motion, motion.landmarks[0], settings), motion.landmarks[0]), motion.landmarks)  # type: ignore[index]
    assert error.mean() < 3e-3 and error[:15].max() < 1e-2


@pytest.mark.parametrize("neutral", [0, 7, -1])
@pytest.mark.parametrize("smoothing", ["none", "savgol", "one_euro"])
def test_the_neutral_frame_is_the_portrait_itself_to_the_bit(neutral: int, smoothing: str) -> None:
    motion = performance_of(person(), noise=0.002)
    settings = RetargetSettings(neutral=neutral, smoothing=smoothing, lock_scale=False)  # type: ignore[arg-type]
    performance = retarget(motion, person(0.9, 1.1, yaw=-10), settings)
    assert performance[neutral % len(motion)].is_identity
    assert not performance[20].is_identity


def test_the_head_keeps_its_size_unless_asked() -> None:
    motion = performance_of(person())
    assert (retarget(motion, person()).scale == 1).all()
    free = retarget(motion, person(), RetargetSettings(neutral=0, lock_scale=False, smoothing="none"))
    assert free.scale[-1] == pytest.approx(1.1, abs=0.01)


def test_head_turns_are_carried_over_relative_to_the_neutral_frame() -> None:
    motion = performance_of(person(yaw=8))
    performance = retarget(motion, person(yaw=-15), replace(EXACT, lock_scale=True))
    np.testing.assert_allclose(euler_degrees(performance.rotation[-1]), (12, -5, 4), atol=1.0)
    half = retarget(motion, person(yaw=-15), replace(EXACT, pose=0.5))
    np.testing.assert_allclose(euler_degrees(half.rotation[-1]), (6, -2.5, 2), atol=0.6)
    none = retarget(motion, person(yaw=-15), replace(EXACT, pose=0))
    assert (none.translation == 0).all() and np.abs(none.rotation - np.eye(3)).max() < 1e-12


def test_a_still_head_is_held_exactly_and_a_moving_one_is_not() -> None:
    still = retarget(performance_of(person(), noise=0.0015, still=True), person())
    assert sum(p.is_identity for p in still) >= 38
    free = retarget(performance_of(person(), noise=0.0015, still=True), person(), RetargetSettings(dead_band=0))
    assert sum(p.is_identity for p in free) == 1
    moving = performance_of(person())
    with_band = retarget(moving, person(), RetargetSettings(neutral=0))
    without = retarget(moving, person(), RetargetSettings(neutral=0, dead_band=0))
    assert apart(placed(with_band, person()), placed(without, person())).mean() < 4e-3


def test_nothing_pops_when_motion_leaves_the_dead_band() -> None:
    motion = performance_of(person(), count=200)
    shown = placed(retarget(motion, person(), RetargetSettings(neutral=0, smoothing="none")), person())
    raw = placed(retarget(motion, person(), RetargetSettings(neutral=0, smoothing="none", dead_band=0)), person())
    calm = np.delete(np.arange(199), [98, 99, 100, 101])  # the blink is meant to be quick
    assert apart(shown[1:], shown[:-1])[calm].max() < 2.5 * apart(raw[1:], raw[:-1])[calm].max()


@pytest.mark.parametrize("open_by", [0.6, 1.0, 1.5])
def test_eyes_of_any_size_shut_when_the_driver_blinks(open_by: float) -> None:
    driver = performance_of(person())
    points = driver.landmarks.copy()  # type: ignore[union-attr]
    for side in regions.LIDS:  # a tracker never reports an eye as quite shut
        upper, lower, _ = regions.LIDS[side]
        points[20, list(upper), 1] -= 0.012 * 180
    portrait = person()
    for side in regions.LIDS:
        upper, lower, _ = regions.LIDS[side]
        gap = portrait[list(upper)] - portrait[list(lower)]
        portrait[list(upper)] += (open_by - 1) * gap
    settings = RetargetSettings(neutral=0, smoothing="none")
    shut = placed(retarget(replace(driver, landmarks=points), portrait, settings), portrait)[20]
    for side in regions.LIDS:
        assert regions.openness(shut, side) < 0.03
        assert regions.openness(portrait, side) > 0.1


def test_a_blink_of_one_eye_leaves_the_other_open() -> None:
    channels = np.zeros((3, 1), np.float32)
    channels[1] = 1
    motion = Motion(24, [0, 1, 2], channels=channels, channel_names=("eyeBlinkLeft",))
    portrait = person(1.1, 0.95)
    winking = placed(retarget(motion, portrait), portrait)[1]
    assert regions.openness(winking, "left") < 0.02
    assert regions.openness(winking, "right") == pytest.approx(regions.openness(portrait, "right"), rel=0.03)


@pytest.mark.parametrize(
    ("gain", "points"),
    [
        ("brows", landmarks.BROW_LEFT),
        ("gaze", landmarks.IRIS_LEFT),
        ("lids", landmarks.UPPER_LID_LEFT),
        ("jaw", (landmarks.CHIN,)),
        ("lips", (landmarks.MOUTH_LEFT,)),
    ],
)
def test_each_gain_scales_its_own_region(gain: str, points: tuple[int, ...]) -> None:
    values = np.zeros((2, 52), np.float32)
    for name in ("jawOpen", "mouthSmileLeft", "browInnerUp", "browOuterUpLeft", "eyeLookOutLeft", "eyeBlinkLeft"):
        values[1, ARKIT.index(name)] = 0.0 if gain == "lips" and name == "jawOpen" else 0.4  # lips ride on the jaw
    motion = Motion(24, [0, 1], channels=values, channel_names=ARKIT)

    def size(**settings: Any) -> float:
        moved = retarget(motion, person(), RetargetSettings(**settings)).displacement[1]
        if gain == "gaze":
            moved = moved - moved[[362, 263]].mean(0)
        return float(np.linalg.norm(moved[list(points)], axis=1).mean())

    assert size(**{gain: 0.0}) < 0.35 * size()
    assert size(**{gain: 1.5}) > 1.2 * size()


def test_all_gains_at_zero_leave_the_portrait_alone() -> None:
    off = {n: 0.0 for n in ("pose", "jaw", "lips", "brows", "lids", "gaze")}
    performance = retarget(performance_of(person()), person(0.9), RetargetSettings(neutral=0, **off))
    assert np.abs(performance.displacement).max() < 1e-4
    assert np.abs(performance.rotation - np.eye(3)).max() < 1e-12


def test_motion_is_scaled_to_the_portraits_proportions() -> None:
    motion = performance_of(person())
    long_face = person(1.0, 1.2)
    adapted = retarget(motion, long_face, RetargetSettings(neutral=0, jaw=1)).displacement
    as_is = retarget(motion, long_face, RetargetSettings(neutral=0, adapt=False)).displacement
    ratio = np.linalg.norm(adapted[:, landmarks.CHIN, 1]) / np.linalg.norm(as_is[:, landmarks.CHIN, 1])
    assert 1.05 < ratio < 1.3


def test_missing_frames_are_bridged_and_noted() -> None:
    motion = performance_of(person())
    points = motion.landmarks.copy()  # type: ignore[union-attr]
    points[10:14] = np.nan
    performance = retarget(replace(motion, landmarks=points), person(), EXACT)
    assert performance.notes["frames_interpolated"] == 4
    assert np.isfinite(performance.displacement).all()
    between = placed(performance, person())
    assert apart(between, placed(retarget(motion, person(), EXACT), person()))[10:14].mean() < 0.03
    with pytest.raises(MotionError, match="no usable frame"):
        retarget(replace(motion, landmarks=np.full_like(points, np.nan)), person())


def test_the_neutral_frame_found_is_calm_and_the_first_if_that_will_do() -> None:
    motion = performance_of(person())
    assert retarget(motion, person()).notes["neutral"] == 0
    points = np.roll(motion.landmarks, 20, axis=0)  # type: ignore[arg-type]
    found = retarget(replace(motion, landmarks=points), person()).notes["neutral"]
    assert 15 < found < 25  # where the mouth is shut and the head frontal: not at the blink in frame 0
    with pytest.raises(MotionError, match="no neutral frame 99"):
        retarget(motion, person(), RetargetSettings(neutral=99))


def test_channels_that_are_never_calm_are_taken_from_the_rest_pose() -> None:
    loud = Motion(24, [0, 1], channels=np.full((2, 1), 0.8, np.float32), channel_names=("jawOpen",))
    performance = retarget(loud, person())
    assert performance.notes["neutral"] == "rest"
    assert mouth_gap(head_pose(person()).to_head(placed(performance, person())[0])) > 0.3


def test_head_angles_turn_the_head_about_the_neck() -> None:
    turns = np.stack([np.eye(3), rotation_matrix(yaw=20)])
    motion = Motion(24, [0, 1], rotation=turns, channels=np.zeros((2, 1), np.float32), channel_names=("jawOpen",))
    turned = placed(retarget(motion, template() * 200 + 300), template() * 200 + 300)[1]
    assert turned[landmarks.NOSE_TIP, 0] - 300 > 0.35 * 200  # further than the nose alone would go
    assert turned[landmarks.EAR_LEFT, 2] > turned[landmarks.EAR_RIGHT, 2]


def test_neutralise_closes_an_open_smile_and_opens_half_shut_eyes() -> None:
    values = np.zeros((1, 52), np.float32)
    for name, amount in (("jawOpen", 0.35), ("mouthSmileLeft", 0.6), ("mouthSmileRight", 0.6), ("eyeBlinkLeft", 0.6)):
        values[0, ARKIT.index(name)] = amount
    portrait = 200 * (template() + blendshapes.displacement(values)[0]) + 300
    still = Motion(24, [0], channels=np.zeros((1, 1), np.float32), channel_names=("jawOpen",))
    calmed = head_pose(portrait).to_head(
        placed(retarget(still, portrait, RetargetSettings(neutralise=1.0)), portrait)[0]
    )
    assert mouth_gap(template() + blendshapes.displacement(values)[0]) > 0.15
    assert mouth_gap(calmed) < 0.03
    assert regions.openness(calmed, "left") > 0.2
    assert retarget(still, portrait)[0].is_identity


def test_absolute_mode_gives_the_drivers_expression_to_any_portrait() -> None:
    values = np.zeros((2, 52), np.float32)
    values[:, ARKIT.index("jawOpen")] = 0.6
    motion = Motion(24, [0, 1], channels=values, channel_names=ARKIT, rotation=np.tile(rotation_matrix(10), (2, 1, 1)))
    portrait = person(yaw=-12)
    performance = retarget(motion, portrait, RetargetSettings(mode="absolute"))
    face = placed(performance, portrait)[0]
    assert euler_degrees(head_pose(face).rotation)[0] == pytest.approx(10, abs=2)
    assert mouth_gap(head_pose(face).to_head(face)) > 0.25


@pytest.mark.slow
def test_ten_thousand_frames_take_seconds() -> None:
    motion = performance_of(person())
    points = np.tile(motion.landmarks, (250, 1, 1))  # type: ignore[arg-type]
    started = time.perf_counter()
    performance = retarget(Motion(25, np.arange(10_000), landmarks=points), person())
    assert time.perf_counter() - started < 20  # about 2 s on an idle core
    assert performance.displacement.dtype == np.float32 and len(performance) == 10_000


def test_settings_go_to_plain_values_and_back() -> None:
    settings = RetargetSettings(mode="absolute", neutral=3, jaw=1.5, smoothing="one_euro")
    assert RetargetSettings.from_dict(asdict(settings)) == settings
    assert RetargetSettings.from_dict({}) == RetargetSettings()


@pytest.mark.parametrize(
    "values",
    [
        {"jawe": 1},
        {"mode": "mixed"},
        {"neutral": "first"},
        {"neutral": 1.5},
        {"neutral": True},
        {"jaw": -1},
        {"lips": float("nan")},
        {"gaze": "1"},
        {"lock_scale": 1},
        {"smoothing": "median"},
        {"neutralise": 2},
        {"lid_floor": 0.5},
    ],
)
def test_settings_that_cannot_be_used_are_refused_by_name(values: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=next(iter(values))):
        RetargetSettings.from_dict(values)


def test_channels_beside_landmarks_come_on_top_where_they_are_to_be_added() -> None:
    still = performance_of(person(), 5, still=True)
    jaw = np.array([0.0, 0.2, 0.4, 0.6, 0.8], np.float32)[:, None]
    both = replace(still, channels=jaw, channel_names=("jawOpen",))
    ignored = retarget(both, person(), EXACT)
    assert np.abs(np.array([p.displacement for p in ignored])).max() < 1e-4
    added = retarget(replace(both, channels_add=True), person(), EXACT)
    alone = retarget(Motion(25, still.frames, channels=jaw, channel_names=("jawOpen",)), person(), EXACT)
    for one, other in zip(added, alone, strict=True):
        chin = landmarks.CHIN
        assert one.displacement[chin] == pytest.approx(other.displacement[chin], abs=0.02)
    assert added[4].displacement[landmarks.CHIN, 1] > 0.2


def test_channels_are_added_to_a_few_landmarks_too() -> None:
    few = (33, 133, 263, 362, 4, 61, 291, 0, 17, 152)
    whole = performance_of(person(), 4, still=True)
    assert whole.landmarks is not None
    points = np.full_like(whole.landmarks, np.nan)
    points[:, few] = whole.landmarks[:, few]
    names = ("eyeBlinkLeft", "eyeBlinkRight")
    blink = np.array([[0, 0], [0.5, 0.5], [1, 1], [0, 0]], np.float32)
    motion = replace(whole, landmarks=points, channels=blink, channel_names=names, channels_add=True)
    portrait = person()
    shown = placed(retarget(motion, portrait, EXACT), portrait)
    pose = head_pose(portrait)
    gaps = [float(regions.openness(pose.to_head(frame), side)) for frame in shown for side in regions.LIDS]
    assert max(gaps[4:6]) < 0.35 * min(gaps[:2]) and gaps[6:] == pytest.approx(gaps[:2], abs=1e-3)
