"""Apple's 52 face channels as displacements of the 478-point template, sampled from the ICT head's expressions.

What the kit cannot give is added: irises turn about eyeballs, lids meet exactly at a full blink, lips stay shut where
they should.
"""

from __future__ import annotations

import numpy as np
from gioconda import landmarks
from gioconda.motion.blendshapes import LIP_LOWER, LIP_UPPER, lip_weights

from .ict import Float, Head

# Degrees an eye turns at a channel value of 1. Up and down: fitted to a recorded ARKit take that holds both eye angles
# and channels (35.0, 25.0). Sideways the take moves too little; MediaPipe's blendshapes on clips give 0.07 head units.
GAZE_DEGREES = {"LookOut": 34.0, "LookIn": 34.0, "LookUp": 25.0, "LookDown": 35.0}
EYE_RADIUS = 10.5 / 90.0  # from the eye's centre to the iris: 10.5 mm; the kit's eyeballs are larger than life
# Channels that keep a closed mouth closed.
SHUT = ("cheekPuff", "mouthPucker", "mouthRollLower", "mouthRollUpper", "mouthPressLeft", "mouthPressRight")
LOWER_SHARE = 0.12  # of the gap left by the kit's blink, the part that the lower lid closes
EYES = {
    "Right": (landmarks.UPPER_LID_RIGHT, landmarks.LOWER_LID_RIGHT, landmarks.CREASE_RIGHT, landmarks.POUCH_RIGHT),
    "Left": (landmarks.UPPER_LID_LEFT, landmarks.LOWER_LID_LEFT, landmarks.CREASE_LEFT, landmarks.POUCH_LEFT),
}
IRISES = {"Right": landmarks.IRIS_RIGHT, "Left": landmarks.IRIS_LEFT}


def expression_basis(head: Head) -> dict[str, np.ndarray]:
    """The arrays of `expression_basis.npz`: displacement (52, 478, 3), names, eyeballs (2, 3), eye_radius."""
    basis = np.zeros((len(landmarks.ARKIT), landmarks.COUNT, 3))
    for i, name in enumerate(landmarks.ARKIT):
        for part in kit_names(name):
            if part in head.expressions:
                basis[i, : landmarks.FACE_POINTS] += head.sample(head.expressions[part]) @ head.to_template[:3]
    basis = _symmetric(basis)
    irises = landmarks.template()[[landmarks.IRIS_RIGHT[0], landmarks.IRIS_LEFT[0]]]
    centres = irises + [0, 0, EYE_RADIUS]
    _close_lips(basis)
    for i, name in enumerate(landmarks.ARKIT):
        for side in EYES:
            for look, degrees in GAZE_DEGREES.items():
                if name == f"eye{look}{side}":
                    basis[i, list(IRISES[side])] = _turned_iris(side, look, degrees, centres)
            if name == f"eyeBlink{side}":
                basis[i] = _closed(basis[i], side)
    return {
        "displacement": basis.astype(np.float16),
        "names": np.array(landmarks.ARKIT),
        "eyeballs": centres.astype(np.float32),
        "eye_radius": np.array(EYE_RADIUS, np.float32),
    }


def kit_names(channel: str) -> list[str]:
    """Apple's name → the kit's, one or (for the two channels without sides) both sides."""
    for side, mark in (("Left", "_L"), ("Right", "_R")):
        if channel.endswith(side) and not channel.startswith("jaw") and channel not in ("mouthLeft", "mouthRight"):
            return [channel.removesuffix(side) + mark]
    return [channel, f"{channel}_L", f"{channel}_R"]


def _symmetric(basis: Float) -> Float:
    """The mean of every channel and the mirror image of its counterpart."""
    swap = {"Left": "Right", "Right": "Left"}
    result = basis.copy()
    for i, name in enumerate(landmarks.ARKIT):
        side = next((s for s in swap if name.endswith(s)), None)
        other = landmarks.ARKIT.index(name.removesuffix(side) + swap[side]) if side else i
        result[i] = (basis[i] + basis[other][landmarks.mirrored()] * [-1, 1, 1]) / 2
    return result


def _close_lips(basis: Float) -> None:
    """Make `mouthClose` close what `jawOpen` opens (Apple defines it as relative to the jaw), and keep `SHUT` shut."""
    close, jaw = landmarks.ARKIT.index("mouthClose"), landmarks.ARKIT.index("jawOpen")
    both = basis[close] + basis[jaw]
    basis[close] += _shut(both) - both
    for name in SHUT:
        i = landmarks.ARKIT.index(name)
        basis[i] = _shut(basis[i], only_y=True)


def _shut(shape: Float, *, only_y: bool = False) -> Float:
    """The shape without the gap (or the crossing) between its lips, shared by both lips and fading into the skin."""
    gap = shape[list(LIP_LOWER)] - shape[list(LIP_UPPER)]
    if only_y:
        gap[:, [0, 2]] = 0
    up, down = (reach.astype(np.float64) for reach in lip_weights())
    return shape + 0.5 * (up @ gap - down @ gap)


def _turned_iris(side: str, look: str, degrees: float, centres: Float) -> Float:
    """Where an iris goes when its eye turns, minus where it is. (5, 3)"""
    arm = landmarks.template()[list(IRISES[side])] - centres[0 if side == "Right" else 1]
    outwards = 1 if side == "Left" else -1
    a = np.radians(degrees)
    c, s = np.cos(a), np.sin(a)
    if look in ("LookOut", "LookIn"):  # about y; the arm points to −z, so x moves by −z·sin
        s *= outwards if look == "LookOut" else -outwards
        turn = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    else:
        s *= 1 if look == "LookDown" else -1
        turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return arm @ turn.T - arm


def _closed(shape: Float, side: str) -> Float:
    """A blink whose lids meet: the gap the kit leaves goes to both lids and fades into crease and pouch."""
    upper, lower, crease, pouch = (list(points) for points in EYES[side])
    closed = shape.copy()
    template = landmarks.template()
    gap = (template + shape)[lower] - (template + shape)[upper]
    closed[upper] += (1 - LOWER_SHARE) * gap
    closed[lower] -= LOWER_SHARE * gap
    closed[crease] += 0.45 * (1 - LOWER_SHARE) * gap
    closed[pouch] -= 0.4 * LOWER_SHARE * gap
    return closed
