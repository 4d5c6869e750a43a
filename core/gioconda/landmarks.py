"""The landmark convention: names, groups, mirrored pairs, triangles. Standard library and numpy only.

A face is 478 points in MediaPipe's order: 468 on the skin (`FACE_POINTS`), then five for each iris (centre, then
four on its rim). "Right" is the person's own right, which is on the left of an unmirrored picture.

Two spaces are used everywhere:

- *picture space*: pixels, x right, y down, z away from the camera (a nose tip has a smaller z than an ear), in units
  of x. The picture's top-left *corner* is (0, 0): the first pixel's centre is (0.5, 0.5), the picture is `width` wide.
- *head space*: x to the person's left (right in the picture), y down, z away from the camera, origin on the nose
  bridge, the distance between the outer eye corners (33 and 263) of the template is 1.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int32]

COUNT = 478
FACE_POINTS = 468

# Closed loops, in order along the contour.
OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
LIPS_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
LIPS_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
EYE_RIGHT = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
EYE_LEFT = (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249)

# Lid points from the outer to the inner corner; the upper and lower tuples pair up point by point.
UPPER_LID_RIGHT = (246, 161, 160, 159, 158, 157, 173)
LOWER_LID_RIGHT = (7, 163, 144, 145, 153, 154, 155)
UPPER_LID_LEFT = (466, 388, 387, 386, 385, 384, 398)
LOWER_LID_LEFT = (249, 390, 373, 374, 380, 381, 382)
# The skin fold above the upper lid and the pouch below the lower lid, paired with the lids.
CREASE_RIGHT = (247, 30, 29, 27, 28, 56, 190)
CREASE_LEFT = (467, 260, 259, 257, 258, 286, 414)
POUCH_RIGHT = (110, 24, 23, 22, 26, 112, 243)
POUCH_LEFT = (339, 254, 253, 252, 256, 341, 463)

IRIS_RIGHT = (468, 469, 470, 471, 472)
IRIS_LEFT = (473, 474, 475, 476, 477)
BROW_RIGHT = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
BROW_LEFT = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)

# Points that move with the skull and hardly with the expression; the head's pose is measured on them.
STABLE = (
    *(10, 109, 338, 67, 297, 103, 332, 54, 284, 21, 251, 162, 389, 127, 356),
    *(234, 454, 168, 6, 197, 195, 5, 4, 33, 133, 362, 263, 98, 327),
)

EYE_OUTER_RIGHT, EYE_INNER_RIGHT, EYE_INNER_LEFT, EYE_OUTER_LEFT = 33, 133, 362, 263
MOUTH_RIGHT, MOUTH_LEFT, LIP_TOP, LIP_BOTTOM = 61, 291, 13, 14
NOSE_TIP, NOSE_BRIDGE, FOREHEAD, CHIN, EAR_RIGHT, EAR_LEFT = 4, 168, 10, 152, 234, 454

# The names a person uses when placing points by hand.
NAMED = {
    "forehead": 10,
    "chin": 152,
    "nose_bridge": 168,
    "nose_tip": 4,
    "nose_base": 2,
    "nostril_right": 98,
    "nostril_left": 327,
    "eye_outer_right": 33,
    "eye_inner_right": 133,
    "eye_inner_left": 362,
    "eye_outer_left": 263,
    "lid_upper_right": 159,
    "lid_lower_right": 145,
    "lid_upper_left": 386,
    "lid_lower_left": 374,
    "iris_right": 468,
    "iris_left": 473,
    "brow_outer_right": 70,
    "brow_middle_right": 105,
    "brow_inner_right": 107,
    "brow_inner_left": 336,
    "brow_middle_left": 334,
    "brow_outer_left": 300,
    "mouth_right": 61,
    "mouth_left": 291,
    "lip_upper": 0,
    "lip_lower": 17,
    "lip_upper_inner": 13,
    "lip_lower_inner": 14,
    "jaw_right": 172,
    "jaw_left": 397,
    "cheek_right": 50,
    "cheek_left": 280,
    "ear_right": 234,
    "ear_left": 454,
}

# The 68 points of the iBUG/300-W scheme (OpenFace, dlib), as indices into the 478.
IBUG68 = (
    *(162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389),
    *(71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2),
    *(326, 305, 33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380, 61, 39, 37),
    *(0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87),
)

# Apple's 52 ARKit blendshapes, in Apple's spelling and the order of Live Link Face.
ARKIT = (
    *("eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft"),
    *("eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight"),
    *("eyeSquintRight", "eyeWideRight", "jawForward", "jawRight", "jawLeft", "jawOpen", "mouthClose", "mouthFunnel"),
    *("mouthPucker", "mouthRight", "mouthLeft", "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft"),
    *("mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight"),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight"),
    *("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft"),
    *("browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft"),
    *("cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut"),
)


def interocular(points: npt.NDArray[np.floating]) -> float:
    """The distance between the outer corners of the eyes, as the picture shows it. points: (478, 2 or 3) pixels."""
    return float(np.linalg.norm(points[EYE_OUTER_RIGHT, :2] - points[EYE_OUTER_LEFT, :2]))


@cache
def triangles() -> IntArray:
    """The face as 898 triangles over the 468 skin points, eye and mouth holes filled. (898, 3) int32.

    Source: MediaPipe's canonical face model (Apache-2.0), `tables/face_topology.npz`.
    """
    return table("face_topology.npz")["triangles"].astype(np.int32)


@cache
def mirrored() -> IntArray:
    """For every point the index of its mirror image across the face's middle plane. (478,) int32, an involution."""
    return table("face_topology.npz")["mirrored"].astype(np.int32)


@cache
def template() -> npt.NDArray[np.float64]:
    """The average neutral face in head space. (478, 3) float64, symmetric. Provenance: `tables/README.md`."""
    return table("face_template.npz")["template"].astype(np.float64)


def table(name: str) -> dict[str, npt.NDArray[Any]]:
    """The arrays of one of our own files in `tables/`; see its README for what they are and where they come from."""
    with resources.files(__package__).joinpath(f"tables/{name}").open("rb") as file:
        return dict(np.load(file))
