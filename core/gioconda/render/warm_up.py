"""Loads and compiles everything that rendering needs, by rendering a made-up portrait."""

from __future__ import annotations

import numpy as np

from .. import landmarks as lm
from ..engine import pose_portrait, prepare
from ..face.matte import estimate_matte
from ..imaging import draw
from ..imaging.color import display_srgb
from ..job.passes import ALL_PASSES
from ..motion.motion import Motion
from ..motion.retarget import retarget
from ..neural.corrector import CorrectionNets, Corrector, corrected_frame
from ..neural.crops import FAST
from ..pose import rotation_matrix

SIZE = 96  # pixels


def compile_everything() -> None:
    """Make a made-up portrait ready and render one frame of it with every pass, so that all code is there."""
    size = SIZE
    # half turned away, and turning back: what comes into view is filled from the other half of the face
    head = np.asarray(lm.template(), np.float64) @ rotation_matrix(yaw=35.0).T
    middle = (head.min(0) + head.max(0)) / 2
    points = (head - middle) * (0.6 * size / np.ptp(head[:, 1])) + [size / 2, size / 2, 0]
    oval = points[list(lm.OVAL), :2]
    matte = draw.fill_polygon((oval - oval.mean(0)) * 1.25 + oval.mean(0), size, size)
    shade = np.linspace(0.1, 0.6, size, dtype=np.float32)
    source = np.dstack([*(shade[:, None] * shade[None] for _ in range(3)), np.ones((size, size), np.float32)])
    srgb = display_srgb(source)
    portrait = prepare(source, points, estimate_matte(srgb, matte, points))
    motion = Motion(
        24.0,
        np.array([1, 2], np.int32),
        channels=np.array([[0, 0], [0.7, 1]], np.float32),
        channel_names=("jawOpen", "eyeBlinkLeft"),
        rotation=np.stack([np.eye(3), rotation_matrix(yaw=-35.0)]),
        neutral=0,
    )
    posed = pose_portrait(portrait, retarget(motion, points)[1])
    corrected_frame(Corrector(_faint_networks(), portrait), posed, ALL_PASSES)


def _faint_networks() -> CorrectionNets:
    """Networks whose output is the same next to nothing for every frame."""
    outputs = []
    for side, count in ((FAST.head, 1), (FAST.mouth, 1), (FAST.eye, 2)):
        for channels, smaller in ((2, 2), (7, 4), (3, 1)):
            outputs.append(np.full((count, channels, side // smaller, side // smaller), 1e-3, np.float32))
    return CorrectionNets(lambda _: [np.zeros((1, 1), np.float32)], lambda _: [each.copy() for each in outputs], "cpu")
