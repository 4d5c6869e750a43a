"""Eyes and mouth: what opens and shuts, and what is seen in between."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from gioconda import landmarks as lm
from gioconda.engine import Portrait, pose_portrait, render
from gioconda.pose import Pose

PoseOf = Callable[..., Pose]
PASSES = ("Combined", "Eyes", "Mouth", "Lips", "Face", "Matte")


def _areas(portrait: Portrait, pose: Pose) -> dict[str, float]:
    """How many pixels each pass covers."""
    return {name: float(values[..., 0].sum()) for name, values in render(portrait, pose, passes=PASSES).passes.items()}


def test_the_eyes_matte_shrinks_as_the_lids_close(portrait: Portrait, pose_of: PoseOf) -> None:
    areas = [
        _areas(portrait, pose_of(portrait, eyeBlinkLeft=share, eyeBlinkRight=share))["Eyes"]
        for share in (0.0, 0.3, 0.6, 1.0)
    ]
    assert areas == sorted(areas, reverse=True)
    assert areas[0] > 150
    assert areas[-1] < 0.35 * areas[0]


def test_one_eye_shuts_and_the_other_stays(portrait: Portrait, pose_of: PoseOf) -> None:
    wink = render(portrait, pose_of(portrait, eyeBlinkLeft=1.0), passes=("Eyes",)).passes["Eyes"][..., 0]
    still = render(portrait, Pose(), passes=("Eyes",)).passes["Eyes"][..., 0]
    middle = int(portrait.landmarks[lm.NOSE_TIP, 0])
    right, left = slice(0, middle), slice(middle, portrait.width)  # the person's right is on the picture's left
    assert np.abs(wink[:, right] - still[:, right]).max() < 0.3
    assert wink[:, left].sum() < 0.4 * still[:, left].sum()


def test_the_mouth_matte_grows_with_the_jaw(portrait: Portrait, pose_of: PoseOf) -> None:
    areas = [_areas(portrait, pose_of(portrait, jawOpen=share))["Mouth"] for share in (0.0, 0.25, 0.5, 1.0)]
    assert areas == sorted(areas)
    assert areas[-1] > 10 * max(areas[0], 10)


def test_a_shut_mouth_shows_no_teeth(portrait: Portrait, pose_of: PoseOf) -> None:
    for channels in ({"mouthSmileLeft": 0.5, "mouthSmileRight": 0.5}, {"mouthPucker": 0.6}, {"browInnerUp": 1.0}):
        pose = pose_of(portrait, **channels)
        with_mouth = render(portrait, pose).passes["Combined"]
        posed = pose_portrait(portrait, pose)
        assert len(posed.patches) == len(portrait.eyes), channels
        assert np.isfinite(with_mouth).all()


def test_an_open_mouth_is_dark_inside(portrait: Portrait, pose_of: PoseOf) -> None:
    for share in (0.25, 0.6, 1.0):
        inside, skin = _inside(portrait, pose_of(portrait, jawOpen=share))
        assert np.median(inside) < 0.5 * skin, share


def test_a_mouth_a_little_open_shows_teeth(portrait: Portrait, pose_of: PoseOf) -> None:
    inside, skin = _inside(portrait, pose_of(portrait, jawOpen=0.25))
    assert np.percentile(inside, 95) > 1.6 * np.median(inside)  # a tongue is seen below them
    assert np.percentile(inside, 95) > 0.3 * skin


def _inside(portrait: Portrait, pose: Pose) -> tuple[np.ndarray, float]:
    """Brightness of the pixels between the lips, and the skin's."""
    frame = render(portrait, pose, passes=PASSES).passes
    brightness = frame["Combined"][..., :3].mean(2)
    mouth = frame["Mouth"][..., 0]
    skin = (frame["Face"][..., 0] > 0.99) & (mouth == 0)
    return brightness[mouth > 0.99], float(np.median(brightness[skin]))


def test_the_mouth_opens_without_a_pop(portrait: Portrait, pose_of: PoseOf) -> None:
    """A little more jaw is a little more change, from closed to open."""
    lips = portrait.landmarks[list(lm.LIPS_OUTER), :2]
    (x0, y0), (x1, y1) = lips.min(0).astype(int) - 8, lips.max(0).astype(int) + 30
    steps = []
    before = None
    for share in np.linspace(0, 0.3, 16):
        frame = render(portrait, pose_of(portrait, jawOpen=float(share))).passes["Combined"][y0:y1, x0:x1]
        if before is not None:
            steps.append(float(np.abs(frame - before).mean()))
        before = frame
    assert max(steps) < 4 * float(np.median(steps))


def test_the_irises_follow_the_gaze(portrait: Portrait, pose_of: PoseOf) -> None:
    """Looking to the person's left: the dark of both irises goes to the right in the picture."""
    left = pose_of(portrait, eyeLookOutLeft=0.8, eyeLookInRight=0.8)
    right = pose_of(portrait, eyeLookInLeft=0.8, eyeLookOutRight=0.8)
    where = []
    for pose in (left, right):
        frame = render(portrait, pose, passes=PASSES).passes
        dark = np.clip(0.5 - frame["Combined"][..., :3].mean(2), 0, None) * (frame["Eyes"][..., 0] > 0.8)
        eye = portrait.landmarks[list(lm.EYE_LEFT), 0]
        dark[:, : int(eye.min()) - 2] = 0
        where.append(float((dark.sum(0) * np.arange(portrait.width)).sum() / dark.sum()))
    assert where[0] > where[1] + 1.5


def test_what_eyes_and_mouth_do_stays_in_the_face(portrait: Portrait, pose_of: PoseOf) -> None:
    still = render(portrait, Pose(), passes=PASSES).passes
    forehead, chin = portrait.landmarks[[lm.FOREHEAD, lm.CHIN], 1]
    far = np.ones(still["Face"].shape[:2], bool)  # all above the hairline and below the neck
    far[int(forehead - 0.15 * (chin - forehead)) : int(chin + 0.6 * (chin - forehead))] = False
    for channels in ({"eyeLookUpLeft": 1.0, "eyeLookUpRight": 1.0}, {"eyeBlinkLeft": 1.0}, {"jawOpen": 0.4}):
        frame = render(portrait, pose_of(portrait, **channels)).passes["Combined"]
        assert np.abs(frame - portrait.source)[far].max() < 0.1, channels


@pytest.mark.parametrize("channel", lm.ARKIT)
def test_every_channel_moves_something_and_breaks_nothing(portrait: Portrait, pose_of: PoseOf, channel: str) -> None:
    if channel == "tongueOut":
        pytest.skip("no tongue is painted yet")
    frame = render(portrait, pose_of(portrait, **{channel: 1.0})).passes["Combined"]
    assert np.isfinite(frame).all()
    face = portrait.landmarks[list(lm.OVAL), :2]
    (x0, y0), (x1, y1) = face.min(0).astype(int), face.max(0).astype(int)
    moved = np.abs(frame - portrait.source)[y0:y1, x0:x1].max(2)
    assert 0.0005 < (moved > 0.02).mean() < 0.8
