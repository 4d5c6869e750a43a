"""Loads everything that rendering needs, by rendering a made-up portrait."""

from __future__ import annotations

import numpy as np

from .. import landmarks as lm
from ..engine import kernels, pose_portrait, prepare
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


def load_everything() -> None:
    """Make a made-up portrait ready and render a frame of it with every pass: then libraries and tables are there."""
    size = SIZE
    # half turned away, and turning back: what comes into view is filled from the other half of the face
    head = np.asarray(lm.template(), np.float64) @ rotation_matrix(yaw=28.0).T
    middle = (head.min(0) + head.max(0)) / 2
    points = (head - middle) * (0.6 * size / np.ptp(head[:, 1])) + [size / 2, size / 2, 0]
    oval = points[list(lm.OVAL), :2]
    matte = draw.fill_polygon((oval - oval.mean(0)) * 1.25 + oval.mean(0), size, size)
    shade = np.linspace(0.1, 0.6, size, dtype=np.float32)
    source = np.dstack([*(shade[:, None] * shade[None] for _ in range(3)), np.ones((size, size), np.float32)])
    source[..., :3] *= np.random.default_rng(0).uniform(0.7, 1.3, (size, size, 1))  # without grain it is a drawing
    srgb = display_srgb(source)
    rigid = np.zeros((size, size), np.float32)
    rigid[size // 3 : size // 3 + 4, size // 3 : 2 * size // 3] = 1
    portrait = prepare(source, points, estimate_matte(srgb, matte, points), rigid=rigid)
    motion = Motion(
        24.0,
        np.array([1, 2, 3], np.int32),
        channels=np.array([[0, 0], [0.7, 1], [0.7, 1]], np.float32),
        channel_names=("jawOpen", "eyeBlinkLeft"),
        rotation=np.stack([np.eye(3), rotation_matrix(yaw=-3.0), rotation_matrix(yaw=-28.0)]),
        neutral=0,
    )
    # drawn over open lips that close, which this portrait has not
    corners = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0]], np.float32)
    picture = np.zeros((4, 4, 3), np.float32)
    mesh = kernels.VertexMesh(corners, np.array([[0, 1, 2]], np.int32))
    kernels.rasterise_colours(mesh, corners, picture, np.full((4, 4), kernels.FAR, np.float32))
    performance = retarget(motion, points)
    corrector = Corrector(_faint_networks(), portrait)
    for frame in (1, 2):  # networks correct heads that hardly turn, the head's back is seen of those that do
        corrected_frame(corrector, pose_portrait(portrait, performance[frame]), ALL_PASSES)


def _faint_networks() -> CorrectionNets:
    """Networks whose output is the same next to nothing for every frame."""
    outputs = []
    for side, count in ((FAST.head, 1), (FAST.mouth, 1), (FAST.eye, 2)):
        for channels, smaller in ((2, 2), (7, 4), (3, 1)):
            outputs.append(np.full((count, channels, side // smaller, side // smaller), 1e-3, np.float32))
    return CorrectionNets(lambda _: [np.zeros((1, 1), np.float32)], lambda _: [each.copy() for each in outputs], "cpu")
