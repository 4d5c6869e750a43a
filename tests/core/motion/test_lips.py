"""Lips move in proportion to the portrait's own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from gioconda import landmarks as lm
from gioconda.job.retarget import RetargetSettings
from gioconda.motion.lips import NARROWEST, RINGS, THICKEST, thickness
from gioconda.motion.motion import Motion
from gioconda.motion.retarget import retarget
from gioconda.pose import head_pose

Float = npt.NDArray[np.float64]
SETTINGS = RetargetSettings(neutral=0, smoothing="none", dead_band=0)


def with_lips(thick: float = 1.0, wide: float = 1.0) -> Float:
    """The average face, its lips `thick` times as thick and its mouth `wide` times as wide. (478, 3)"""
    face = lm.template().copy()
    for outer, *between, inner in RINGS:
        for ring in (outer, *between):
            face[list(ring)] = face[list(inner)] + thick * (face[list(ring)] - face[list(inner)])
    face[[*lm.LIPS_OUTER, *lm.LIPS_INNER], 0] *= wide
    return face


def moved(portrait: Float, *driver: Float) -> Float:
    """The portrait's face in every frame of a motion that is the driver's faces, head space. (F, 478, 3)"""
    points = 300 * np.stack(driver) + [500, 400, 0]
    motion = Motion(24.0, np.arange(len(points)), landmarks=points.astype(np.float32))
    pixels = 300 * portrait + [500, 400, 0]
    return head_pose(pixels).to_head(pixels) + retarget(motion, pixels, SETTINGS).displacement


def test_a_face_that_drives_itself_does_what_it_did() -> None:
    calm, thicker, thinner = with_lips(), with_lips(1.2), with_lips(0.8)
    for frame, wanted in zip(moved(calm, calm, thicker, thinner), (calm, thicker, thinner), strict=True):
        assert thickness(frame) == pytest.approx(thickness(wanted), rel=0.02)


def test_pressed_lips_of_the_driver_do_not_blow_up_the_portraits() -> None:
    """In the neutral frame the driver's lips are pressed, later they are not; the portrait's never were."""
    _, relaxed = moved(with_lips(), with_lips(0.25), with_lips(1.0))
    assert (thickness(relaxed) < 1.35 * thickness(with_lips())).all()
    _, unrolled = moved(with_lips(0.25), with_lips(0.25), with_lips(1.0))
    assert (thickness(unrolled) > 1.5 * thickness(with_lips(0.25))).all(), "pressed lips of a portrait do unroll"


def test_lips_never_get_absurdly_thick_and_thin_ones_stay_lips() -> None:
    _, huge = moved(with_lips(0.8), with_lips(1.0), with_lips(4.0))
    assert (thickness(huge) <= 1.02 * (1 + THICKEST) * thickness(with_lips(0.8))).all()
    _, rolled = moved(with_lips(0.3), with_lips(1.0), with_lips(0.5))
    assert thickness(rolled) == pytest.approx(0.5 * thickness(with_lips(0.3)), rel=0.1)


def test_a_pucker_measured_from_a_grin_leaves_a_mouth() -> None:
    _, pursed = moved(with_lips(), with_lips(wide=1.6), with_lips(wide=0.6))
    width, own = (float(np.ptp(face[[lm.MOUTH_RIGHT, lm.MOUTH_LEFT], 0])) for face in (pursed, with_lips()))
    assert own * (1 - NARROWEST) < width < 0.7 * own
