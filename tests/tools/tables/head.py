"""The head's depth prior: the mean ICT head (face, head, neck) as one coarse closed-front surface in head space."""

from __future__ import annotations

import numpy as np
from gioconda import landmarks

from .decimate import Float, boundary_loops, cap, decimate
from .ict import HEAD, Head

VERTICES = 3000


def head_prior(head: Head) -> dict[str, np.ndarray]:
    """The arrays of `head_prior.npz`."""
    vertices = np.column_stack([head.vertices[:HEAD], np.ones(HEAD)]) @ head.to_template
    triangles = head.triangles
    for loop in boundary_loops(triangles):
        if vertices[loop, 1].mean() < 1.5:  # eyes and mouth; the neck stays open
            vertices, triangles = cap(vertices, triangles, loop)
    on_skin = np.column_stack([head.sample(head.vertices), np.ones(landmarks.FACE_POINTS)]) @ head.to_template
    coarse, faces = decimate(vertices, triangles, VERTICES)
    return {
        "vertices": coarse.astype(np.float32),
        "triangles": faces.astype(np.uint16),
        "landmarks": _symmetric(on_skin).astype(np.float32),
    }


def _symmetric(points: Float) -> Float:
    mirrored = landmarks.mirrored()[: landmarks.FACE_POINTS]
    return (points + points[mirrored] * [-1, 1, 1]) / 2
