"""ICT-FaceKit's morphable head, and how it is fitted to a still's landmarks.

The kit's space: cm, x to the person's left, y up, z towards the viewer. Here y and z are turned round, as in a picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import lsq_linear

from ... import landmarks as lm
from ...errors import InputError
from ...pose import HeadPose, fit_similarity

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
Int = npt.NDArray[np.int32]

SKIN, NECK, MOUTH, SOCKETS, GUMS, TEETH = 9409, 11248, 13294, 14062, 17039, 21451  # one past each part's last vertex
LOWER_TEETH = 19247  # the first of them
EYEBALLS = ((23021, 23791), (21451, 22221))  # right, left: cornea and sclera
IDENTITIES = 50  # of the kit's 100: the others move nothing by a millimetre
DEPTH = 0.3  # how far the landmarks' depth is believed, beside their place in the picture
NOISE = 0.35  # cm, of a landmark: as they err together, more than each errs
LIKELY = 0.35  # of an expression's weight
REACH, FAR_REACH = 1.6, 6.0  # cm: what landmarks miss after the fit moves skin, and teeth, around them
LIDS_OVERLAP = 0.04  # cm, of closed lids
CHANNELS_OF = {"browInnerUp": ("browInnerUp_L", "browInnerUp_R"), "cheekPuff": ("cheekPuff_L", "cheekPuff_R")}


@dataclass(frozen=True)
class HeadModel:
    """The kit, packed.

    Attributes:
        neutral: (N, 3) float32; triangles: (T, 3) int32.
        identity: (IDENTITIES, N, 3) float32; expression: (57, N, 3) float32, names: theirs.
        landmark_vertices: (468, 3) int32 of the landmarks, landmark_weights: (468, 3) barycentric.
        landmark_influence: (SOCKETS, 468) float32, landmark_influence_far: (TEETH - SOCKETS, 468): landmarks' errors →
            vertices'.
    """

    neutral: Float32
    triangles: Int
    identity: Float32
    expression: Float32
    names: tuple[str, ...]
    landmark_vertices: Int
    landmark_weights: Float
    landmark_influence: Float32
    landmark_influence_far: Float32

    @classmethod
    def load(cls, path: Path) -> HeadModel:
        """Raises: InputError: the file cannot be read."""
        try:
            kit = np.load(path)
            turned = np.array([1, -1, -1], np.float32)
            neutral, quads = kit["neutral"] * turned, kit["faces"]
            identity = kit["identity"][:IDENTITIES].astype(np.float32) * turned
            expression = kit["expression"].astype(np.float32) * turned
            names = tuple(str(name) for name in kit["expression_names"])
        except (OSError, KeyError, ValueError) as error:
            raise InputError(f"The morphable head {path} cannot be read: {error}.") from error
        split = quads[quads[:, 3] >= 0]
        triangles = np.concatenate([quads[:, :3], split[:, [0, 2, 3]]]).astype(np.int32)
        landmark_vertices, landmark_weights = load_correspondence()
        # lips and lids apart, so that errors of one are not taken for the other's
        apart = (neutral + 0.35 * expression[names.index("jawOpen")]).astype(np.float64)
        at = on_mesh(apart, landmark_vertices, landmark_weights)
        landmark_influence = _kriging(apart[:SOCKETS], at, REACH, 0.02).astype(np.float32)
        far = _kriging(apart[SOCKETS:TEETH], at, FAR_REACH, 1.0).astype(np.float32)
        return cls(
            neutral,
            triangles,
            identity,
            expression,
            names,
            landmark_vertices,
            landmark_weights,
            landmark_influence,
            far,
        )

    def weights(self, channels: dict[str, float]) -> Float:
        """Our channels as the kit's expression weights, (57,)."""
        row = np.zeros(len(self.names))
        for name, value in channels.items():
            theirs = CHANNELS_OF.get(name, (name.replace("Left", "_L").replace("Right", "_R"),))
            for each in theirs if name not in ("mouthLeft", "mouthRight", "jawLeft", "jawRight") else (name,):
                if each in self.names:
                    row[self.names.index(each)] += value
        return row


@dataclass(frozen=True)
class Person:
    """The model fitted to one still.

    Attributes:
        shape: (N, 3) without any expression, cm; weights: (57,) the still's expression; pose: head → still's pixels.
        gaze: (2, 2) right and left eye in the still, radians to +x and down.
        iris: radius, cm.
    """

    model: HeadModel
    shape: Float
    weights: Float
    pose: HeadPose
    gaze: Float
    iris: float

    def vertices(self, weights: Float, gaze: Float) -> Float:
        """(N, 3) cm: with an expression and a gaze; lids stay before the eyeballs."""
        head = self.shape + np.tensordot(self.within_lids(weights), self.model.expression, 1)
        for (first, last), angles in zip(EYEBALLS, gaze, strict=True):
            ball = self.shape[first:last]
            centre, radius = eyeball(ball)
            head[first:last] = centre + (ball - centre) @ turned(*angles).T
            _push_out(head[:SKIN], centre, radius)
        return head

    def within_lids(self, weights: Float) -> Float:
        """The same weights, but for a blink that would carry an upper lid over the lower."""
        model, weights = self.model, weights.copy()
        for side, upper, lower in (("R", (160, 159, 158), (144, 145, 153)), ("L", (387, 386, 385), (373, 374, 380))):
            blink = model.names.index(f"eyeBlink_{side}")
            gaps = []
            for points in (self.shape, *model.expression):
                above, below = (
                    on_mesh(points, model.landmark_vertices[list(k)], model.landmark_weights[list(k)])
                    for k in (upper, lower)
                )
                gaps.append(float((below - above)[:, 1].mean()))
            closes = gaps[1 + blink]
            left = gaps[0] + float(weights @ gaps[1:]) - weights[blink] * closes
            if left + weights[blink] * closes < -LIDS_OVERLAP:
                weights[blink] = max(0.0, (-LIDS_OVERLAP - left) / closes)
        return weights

    def landmarks(self, head: Float, pose: HeadPose) -> Float:
        """(478, 3) pixels of a head in a pose."""
        points = np.empty((lm.COUNT, 3))
        points[: lm.FACE_POINTS] = on_mesh(head, self.model.landmark_vertices, self.model.landmark_weights)
        for (first, last), iris in zip(EYEBALLS, (lm.IRIS_RIGHT, lm.IRIS_LEFT), strict=True):
            centre, radius = eyeball(self.shape[first:last])
            ahead = head[first:last] - centre
            axis = ahead[_front(self.shape[first:last])]
            axis /= np.linalg.norm(axis)
            right = np.cross([0.0, 1, 0], axis)
            right, down = right / np.linalg.norm(right), np.cross(axis, right / np.linalg.norm(right))
            middle = centre + axis * np.sqrt(max(radius**2 - self.iris**2, 0))
            rim = [middle + self.iris * way for way in (-right, -down, right, down)]
            points[list(iris)] = [middle, *rim]
        return pose.to_picture(points)


def load_correspondence() -> tuple[Int, Float]:
    """landmarks.csv: (468, 3) vertices, (468, 3) barycentric weights."""
    text = resources.files(__package__).joinpath("landmarks.csv").read_text(encoding="utf-8")
    table = np.array([line.split(",") for line in text.splitlines() if not line.startswith("#")], np.float64)
    landmark_weights = np.column_stack([1 - table[:, 4] - table[:, 5], table[:, 4], table[:, 5]])
    return table[:, 1:4].astype(np.int32), landmark_weights


def on_mesh(points: npt.NDArray[np.floating], landmark_vertices: Int, landmark_weights: Float) -> Float:
    """Points of a mesh, (..., M, 3)."""
    return np.asarray(
        np.einsum("mk,...mkc->...mc", landmark_weights, points[..., landmark_vertices, :].astype(np.float64))
    )


def fit_person(model: HeadModel, landmarks: Float) -> Person:
    """The head of a still from its landmarks, (478, 3) pixels."""
    goal = landmarks[: lm.FACE_POINTS]
    identity = on_mesh(model.identity, model.landmark_vertices, model.landmark_weights)
    expression = on_mesh(model.expression, model.landmark_vertices, model.landmark_weights)
    usable = np.array([not name.startswith(("eyeLook", "Pupil")) for name in model.names])
    expression[~usable] = 0
    base = on_mesh(model.neutral, model.landmark_vertices, model.landmark_weights)
    codes, weights = np.zeros(len(identity)), np.zeros(len(expression))
    moves = np.concatenate([identity, expression])
    for _ in range(6):
        now = base + np.tensordot(np.concatenate([codes, weights]), moves, 1)
        pose = fit_similarity(now, goal, _pose_weights())
        codes, weights = _solve(moves, base, pose, goal, len(identity))
    now = base + np.tensordot(np.concatenate([codes, weights]), moves, 1)
    pose = fit_similarity(now, goal, _pose_weights())
    missed = goal - pose.to_picture(now)
    missed[:, 2] = 0
    shape = model.neutral.astype(np.float64) + np.tensordot(codes, model.identity, 1)
    _bend(model, shape, missed @ pose.rotation / pose.scale)
    rims = [
        np.linalg.norm(landmarks[list(iris[1:]), :2] - landmarks[iris[0], :2], axis=1).mean()
        for iris in (lm.IRIS_RIGHT, lm.IRIS_LEFT)
    ]
    gaze = np.array(
        [
            _gaze_of(shape[a:b], pose, landmarks[iris[0]])
            for (a, b), iris in zip(EYEBALLS, (lm.IRIS_RIGHT, lm.IRIS_LEFT), strict=True)
        ]
    )
    return Person(model, shape, weights, pose, gaze, float(np.mean(rims)) / pose.scale)


def _solve(moves: Float, base: Float, pose: HeadPose, goal: Float, identities: int) -> tuple[Float, Float]:
    """Identity and expression that bring the model to its goal under a pose; expressions are 0..1."""
    unit = np.array([1, 1, DEPTH]) / (NOISE * pose.scale)
    columns = pose.scale * moves @ pose.rotation.T * unit
    wanted = (goal - pose.to_picture(base)) * unit
    count = len(moves)
    calm = np.concatenate([np.ones(identities), np.full(count - identities, 1 / LIKELY)])
    matrix = np.concatenate([columns.reshape(count, -1).T, np.diag(calm)])
    low = np.concatenate([np.full(identities, -3.0), np.zeros(count - identities)])
    high = np.concatenate([np.full(identities, 3.0), np.ones(count - identities)])
    normal = np.linalg.cholesky(matrix.T @ matrix).T
    right = np.linalg.solve(normal.T, matrix.T @ np.concatenate([wanted.ravel(), np.zeros(count)]))
    found = lsq_linear(normal, right, (low, high), tol=1e-4).x
    return found[:identities], found[identities:]


def _bend(model: HeadModel, shape: Float, missed: Float) -> None:
    """What the fit left, (468, 3) cm, moves the skin exactly and teeth and eyeballs with it; in place."""
    shape[:SOCKETS] += model.landmark_influence @ missed
    shape[SOCKETS:TEETH] += model.landmark_influence_far @ missed
    for (first, last), loop in zip(EYEBALLS, (lm.EYE_RIGHT, lm.EYE_LEFT), strict=True):
        shape[first:last] += missed[list(loop)].mean(0)


def _pose_weights() -> Float:
    """Weights of the landmarks for the pose: what expressions hardly move."""
    trust = np.full(lm.FACE_POINTS, 0.05)
    trust[list(lm.STABLE)] = 1
    return trust


def _kriging(points: Float, at: Float, reach: float, noise: float) -> Float:
    """Smooth interpolation from values `at` M places to N points, (N, M): exp(-distance / reach), kriging."""
    near = np.exp(-np.linalg.norm(at[:, None] - at, axis=2) / reach) + noise * np.eye(len(at))
    there = np.exp(-np.linalg.norm(points[:, None] - at, axis=2) / reach)
    return np.asarray(np.linalg.solve(near, there.T).T)


def eyeball(ball: Float) -> tuple[Float, float]:
    """Centre and radius of a sclera: of the sphere around its back half."""
    middle = (ball.min(0) + ball.max(0)) / 2
    radius = float((ball.max(0) - ball.min(0))[:2].mean() / 2)
    return np.array([middle[0], middle[1], ball[:, 2].max() - radius]), radius


def _front(ball: Float) -> int:
    return int(ball[:, 2].argmin())


def turned(across: float, down: float) -> Float:
    """(3, 3): what looks at the viewer (−z) looks to +x and down (+y)."""
    c, s, d, e = np.cos(across), np.sin(across), np.cos(down), np.sin(down)
    about_y = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    about_x = np.array([[1, 0, 0], [0, d, -e], [0, e, d]])
    return np.asarray(about_y @ about_x)


def _gaze_of(ball: Float, pose: HeadPose, iris: Float) -> Float:
    centre, radius = eyeball(ball)
    middle = pose.to_picture(centre)
    ahead = np.array([*(iris - middle)[:2] / (pose.scale * radius), 0])
    ahead[2] = -np.sqrt(max(0.1, 1 - ahead @ ahead))
    x, y, z = ahead @ pose.rotation
    return np.array([np.arctan2(x, -z), np.arctan2(y, np.hypot(x, z))])


def _push_out(skin: Float, centre: Float, radius: float) -> None:
    """Skin in front of an eyeball is not within it; in place."""
    away = skin - centre
    far = np.linalg.norm(away, axis=1)
    inside = (far < 1.03 * radius) & (away[:, 2] < -0.35 * radius)
    skin[inside] = centre + away[inside] * (1.03 * radius / far[inside])[:, None]
