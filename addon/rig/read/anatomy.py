"""Where a rig's face is and which way it faces: axes, size and position, in the space of the object that holds it.

A rig may stand anywhere in a scene and walk; a portrait is seen from the front. `Anatomy` says what "front" is, so that
the head's rotation can be told as yaw, pitch and roll about picture axes (x right, y down, z away).
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from ....core.gioconda.landmarks import template
from ....core.gioconda.pose import fit_similarity
from .evaluation_scene import ObjectRef

Float = npt.NDArray[np.float64]
UP = np.array([0.0, 0.0, 1.0])
LOOKS = {"-Y": (0, -1, 0), "+Y": (0, 1, 0), "+X": (1, 0, 0), "-X": (-1, 0, 0)}
NECK = np.array([0.0, 1.0, 1.1])  # head space: the core turns a head about this point
EYES = {"left": np.array([0.356, 0.041, 0.311]), "right": np.array([-0.356, 0.041, 0.311])}  # head space: centres
SNAP_DEGREES = 15.0
LEAST_POINTS = 6  # fewer do not tell how a face is turned


@dataclass(frozen=True)
class Anatomy:
    """A face in an object's own space, in the bind pose.

    Attributes:
        holder: the object whose space it is; None: the world.
        axes: (3, 3) rows: the face's left, down and back, unit vectors.
        unit: length of one head-space unit (between the outer eye corners), > 0.
        bridge: (3,) the bridge of the nose, the origin of head space.
    """

    holder: ObjectRef | None
    axes: Float
    unit: float
    bridge: Float

    def to_json(self) -> str:
        holder = list(self.holder) if self.holder else None
        plain = {"holder": holder, "axes": self.axes.tolist(), "unit": self.unit, "bridge": self.bridge.tolist()}
        return json.dumps(plain)

    @classmethod
    def from_json(cls, text: str) -> Anatomy:
        plain = json.loads(text)
        holder = (plain["holder"][0], plain["holder"][1]) if plain["holder"] else None
        return cls(holder, np.array(plain["axes"]), plain["unit"], np.array(plain["bridge"]))

    def in_world(self, world: Float) -> Anatomy:
        """The same in world space, from the holder's matrix (4, 4) object → world."""
        axes = self.axes @ unscaled(world).T
        scale = float(np.cbrt(abs(np.linalg.det(world[:3, :3])))) or 1.0
        return Anatomy(None, axes, self.unit * scale, world[:3, :3] @ self.bridge + world[:3, 3])

    def in_space_of(self, holder: ObjectRef, world: Float) -> Anatomy:
        """The reverse of `in_world`: into the space of a holder with this matrix (4, 4) object → world."""
        scale = float(np.cbrt(abs(np.linalg.det(world[:3, :3])))) or 1.0
        bridge = np.linalg.solve(world, np.append(self.bridge, 1.0))[:3]
        return Anatomy(holder, self.axes @ unscaled(world), self.unit / scale, bridge)

    def to_head(self, points: Float) -> Float:
        """(..., 3) in the same space → head space."""
        return (points - self.bridge) @ self.axes.T / self.unit

    def from_head(self, head: Float) -> Float:
        """(..., 3) head space → the same space."""
        return self.unit * head @ self.axes + self.bridge


def axes_of(forward: Float, up: Float = UP) -> Float:
    """(3, 3) rows left, down, back of a face that looks along `forward`."""
    f = np.asarray(forward, np.float64)
    f = f / np.linalg.norm(f)
    u = np.asarray(up, np.float64) - f * (up @ f)
    u = u / np.linalg.norm(u)
    return np.stack([np.cross(u, f), -u, -f])


def axes_from_sides(left: Float, up: Float) -> Float:
    """(3, 3) rows left, down, back, from directions that are about to the person's left and up."""
    x = np.asarray(left, np.float64) / np.linalg.norm(left)
    u = np.asarray(up, np.float64) - x * (up @ x)
    return axes_of(np.cross(x, u / np.linalg.norm(u)), u)


def unscaled(world: Float) -> Float:
    """The rotation in a matrix (4, 4) or (3, 3), mirrored axes turned back."""
    u, _, vt = np.linalg.svd(world[:3, :3])
    if np.linalg.det(u @ vt) < 0:
        u = u * [1, 1, -1]
    return u @ vt


@cache
def _quarter_turns() -> Float:
    """The 24 rotations that map axes to axes, (24, 3, 3)."""
    turns = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            candidate = np.zeros((3, 3))
            candidate[range(3), order] = signs
            if np.linalg.det(candidate) > 0:
                turns.append(candidate)
    return np.array(turns)


def snapped(axes: Float) -> Float:
    """The nearest axes that lie along the space's own."""
    turns = _quarter_turns()
    return turns[np.einsum("nij,ij->n", turns, axes).argmax()]


def snapped_if_close(axes: Float) -> Float:
    """Estimated axes, snapped to the space's own axes where those are near: most rigs are built along them."""
    near = snapped(axes)
    return near if np.einsum("ij,ij->", near, axes) > 1 + 2 * np.cos(np.radians(SNAP_DEGREES)) else axes


def fit_anatomy(indices: list[int], points: Float, axes: Float, holder: ObjectRef | None) -> Anatomy:
    """Fit the template's face to points (N, 3) that are the landmarks `indices`; `axes` is its orientation.

    With enough points that do not lie in a plane, size and position come from a similarity in space; else from the
    points as seen from the front.
    """
    face = template()[indices]
    seen = points @ axes.T
    if len(indices) >= LEAST_POINTS and np.linalg.matrix_rank(face - face.mean(0), tol=0.3) == 3:
        found = fit_similarity(face, seen)
        pitch_free = found.rotation @ np.array([1.0, 0.0, 0.0])
        if pitch_free[0] > 0.97:
            bridge = found.translation @ axes
            return Anatomy(holder, axes, max(found.scale, 1e-9), bridge)
    return fit_scale_and_position(face, points, axes, holder)


def fit_scale_and_position(template_points: Float, points: Float, axes: Float, holder: ObjectRef | None) -> Anatomy:
    """Size and position of a face, from points (N, 3) and where those are on the template (N, 3), as seen in front."""
    seen = points @ axes.T
    a, b = template_points - template_points.mean(0), seen - seen.mean(0)
    scale = max(float((a[:, :2] * b[:, :2]).sum() / max((a[:, :2] ** 2).sum(), 1e-9)), 1e-9)
    return Anatomy(holder, axes, scale, (seen.mean(0) - scale * template_points.mean(0)) @ axes)
