"""The skin of a fitted head: where in the still each vertex finds its colour, and what it has where it finds none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import spsolve
from scipy.spatial import cKDTree

from ... import landmarks as lm
from ...engine.kernels import nearest
from ...imaging import resample
from .head import EYEBALLS, GUMS, MOUTH, NECK, SKIN, SOCKETS, TEETH, HeadModel, Person, eyeball, on_mesh
from .light import normals, smoothing

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
Int = npt.NDArray[np.int32]

EDGE = 1.7  # cm within the face's outline over which the rendered face takes over from the picture around it
RIM = 0.35  # cm from a lid's edge within which a still's colours are no one's
LID_REACH = 2.3  # cm around an eyeball's centre: skin that lids hide when they are open


@dataclass(frozen=True)
class Mesh:
    """What of the kit is drawn, and what does not depend on the person.

    Attributes:
        triangles: (T, 3) int32; part: (T,) uint8, see PARTS.
        alpha: (N,) 0..1, how much of a vertex' colour is the rendered face's.
        mirrored: (SKIN,) the vertex on the other side; corners: see `smoothing`.
    """

    triangles: Int
    part: npt.NDArray[np.uint8]
    alpha: Float
    mirrored: npt.NDArray[np.intp]
    corners: csr_matrix


SKIN_PART, LINING, SOCKET, GUMS_PART, TEETH_PART, RIGHT_EYE, LEFT_EYE = range(7)


@dataclass(frozen=True)
class Texture:
    """Of one still.

    Attributes:
        picture: (H, W, 3) float32 scene-linear.
        at, confidence: (N, 2) pixels of each vertex in the picture, (N,) 0..1 how far its colour is to be relied on.
        mirror_at, mirror_confidence: the same of the vertex on the other side.
        fill: (N, 3) where there is neither; facing: (N, 3) normals in the still, picture axes.
    """

    picture: Float32
    at: Float
    confidence: Float
    mirror_at: Float
    mirror_confidence: Float
    fill: Float
    facing: Float


def head_mesh(model: HeadModel) -> Mesh:
    """The parts of the kit that show: the face within its outline, what lies in its openings."""
    alpha = _alphas(model)
    part = np.full(len(model.triangles), 255, np.uint8)
    first = model.triangles.min(1)
    ends = ((0, SKIN), (NECK, MOUTH), (MOUTH, SOCKETS), (SOCKETS, GUMS), (GUMS, TEETH))
    for kind, (low, high) in enumerate(ends):
        part[(first >= low) & (first < high)] = kind
    for kind, (low, high) in zip((RIGHT_EYE, LEFT_EYE), EYEBALLS, strict=True):
        part[(first >= low) & (first < high)] = kind
    hidden = (part == SKIN_PART) & (alpha[model.triangles].max(1) <= 0)
    part[hidden] = 255
    chosen = part < 255
    tree = cKDTree(model.neutral[:SKIN])
    mirrored = np.asarray(tree.query(model.neutral[:SKIN] * np.array([-1, 1, 1], np.float32))[1], np.intp)
    triangles = model.triangles[chosen]
    return Mesh(triangles, part[chosen], alpha, mirrored, smoothing(triangles, len(model.neutral)))


def _alphas(model: HeadModel) -> Float:
    neutral = model.neutral.astype(np.float64)
    outline = on_mesh(neutral, model.landmark_vertices, model.landmark_weights)[list(lm.OVAL), :2]
    points = neutral[:SKIN, :2]
    a, b = outline, np.roll(outline, -1, axis=0)
    along, to = b - a, points[:, None] - a
    t = np.clip((to * along).sum(2) / (along**2).sum(1), 0, 1)[..., None]
    far = np.linalg.norm(to - t * along, axis=2).min(1)
    crosses = (a[:, 1] > points[:, 1:]) != (b[:, 1] > points[:, 1:])
    x = a[:, 0] + (points[:, 1:] - a[:, 1]) * along[:, 0] / np.where(along[:, 1] == 0, 1e-9, along[:, 1])
    inside = (crosses & (points[:, :1] < x)).sum(1) % 2 == 1
    shell = model.triangles[(model.triangles < SKIN).all(1)]
    facing = normals(neutral[:SKIN], shell, smoothing(shell, SKIN))[:, 2]
    alpha = np.ones(len(neutral))
    lips = (np.abs(points[:, 0]) < 3.5) & (points[:, 1] > 0) & (points[:, 1] < 5)  # turned in: still the face's
    rise = np.clip(far / EDGE, 0, 1)
    alpha[:SKIN] = np.where(inside & ((facing < 0.15) | lips | (rise >= 1)), rise * rise * (3 - 2 * rise), 0)
    alpha[SKIN:NECK] = 0
    return alpha


def project(person: Person, mesh: Mesh, picture: Float32) -> Texture:
    """Texture a fitted head with its still, (H, W, 3) scene-linear."""
    head = person.vertices(person.weights, person.gaze)
    placed = person.pose.to_picture(head)
    facing = normals(head, mesh.triangles, mesh.corners) @ person.pose.rotation.T
    confidence = _visible(placed, facing, mesh, picture.shape) * (np.arange(len(placed)) < SKIN)
    confidence *= _unstretched(person, mesh, placed)
    mirror_at, mirror_confidence = placed[:, :2].copy(), np.zeros(len(placed))
    mirror_at[:SKIN], mirror_confidence[:SKIN] = placed[mesh.mirrored, :2], confidence[mesh.mirrored]
    fill = _filled(mesh, placed, confidence * _off_rims(person), mirror_at, mirror_confidence, picture)
    return Texture(picture, placed[:, :2].copy(), confidence, mirror_at, mirror_confidence, fill, facing)


def _visible(placed: Float, facing: Float, mesh: Mesh, shape: tuple[int, ...]) -> Float:
    """(N,) 0..1: towards the viewer, with nothing before it."""
    depth = nearest(placed, mesh.triangles, shape[1], shape[0]).depth
    x, y = (np.clip(placed[:, k].astype(int), 0, shape[1 - k] - 1) for k in range(2))
    iod = float(np.ptp(placed[:SKIN, 0])) / 150
    near = np.min(
        [
            depth[np.clip(y + j, 0, shape[0] - 1), np.clip(x + i, 0, shape[1] - 1)]
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
        ],
        axis=0,
    )
    unhidden = placed[:, 2] < near + 6 * iod
    rise = np.clip((-facing[:, 2] - 0.1) / 0.25, 0, 1)
    return np.asarray(rise * unhidden)


def _unstretched(person: Person, mesh: Mesh, placed: Float) -> Float:
    """(N,) 0..1: not a fold of the lids that the still shows as a line."""
    model = person.model
    closed = person.vertices(person.weights * 0 + model.weights({"eyeBlinkLeft": 1, "eyeBlinkRight": 1}), person.gaze)
    then = person.pose.to_picture(closed)
    areas = []
    for points in (placed, then):
        a, b, c = (points[mesh.triangles[:, k], :2] for k in range(3))
        e, f = b - a, c - a
        areas.append(np.abs(e[:, 0] * f[:, 1] - e[:, 1] * f[:, 0]))
    ratio = np.clip((areas[0] + 1e-3) / (areas[1] + 1e-3), 0, 1)
    mean = (mesh.corners @ ratio) / np.maximum(np.asarray(mesh.corners.sum(1)).ravel(), 1)
    trust = np.ones(len(placed))
    for first, last in EYEBALLS:
        centre, _ = eyeball(person.shape[first:last])
        near = np.flatnonzero(np.linalg.norm(person.shape[:SKIN] - centre, axis=1) < LID_REACH)
        trust[near] = np.clip((mean[near] - 0.2) / 0.3, 0, 1)
    return trust


def _off_rims(person: Person) -> Float:
    """(N,) 0..1: little at the lids' rims, where lashes and the white of the eye mix with the skin."""
    loops = list(lm.EYE_RIGHT + lm.EYE_LEFT)
    rims = on_mesh(person.shape, person.model.landmark_vertices[loops], person.model.landmark_weights[loops])
    far, _ = cKDTree(rims).query(person.shape)
    return np.asarray(np.clip(far / RIM, 0, 1))


def _filled(
    mesh: Mesh, placed: Float, confidence: Float, mirror_at: Float, mirror_confidence: Float, picture: Float32
) -> Float:
    """(N, 3): the still's own colours where it shows the skin, spread over the surface to where it does not."""
    soft = resample.gaussian_blur(picture, 1.0)
    own, other = (sample(soft, at[:SOCKETS]) for at in (placed[:, :2], mirror_at))
    known = confidence[:SOCKETS, None] * own + (1 - confidence[:SOCKETS, None]) * other
    trust = np.where(confidence[:SOCKETS] > 0.6, 1.0, np.where(mirror_confidence[:SOCKETS] > 0.6, 0.3, 0.0))
    shell = mesh.triangles[mesh.part <= SOCKET]
    a, b = np.concatenate([shell[:, [i, (i + 1) % 3]] for i in range(3)]).T
    links = csr_matrix((np.ones(len(a)), (a, b)), shape=(SOCKETS, SOCKETS))
    links = ((links + links.T) > 0).astype(np.float64)
    degree = np.asarray(links.sum(1)).ravel()
    system = diags(degree + 1e-6 + 10 * trust) - links
    mean = known[trust == 1].mean(0)
    spread = np.stack([spsolve(system.tocsc(), 10 * trust * known[:, c] + 1e-6 * mean[c]) for c in range(3)], axis=1)
    fill = np.zeros((len(placed), 3))
    fill[:SOCKETS] = spread
    return fill


def sample(picture: Float32, at: Float) -> Float:
    """A picture (H, W, C) at places (N, 2) in pixels, (N, C)."""
    width = 1024
    rows = -(-len(at) // width)
    grid = np.zeros((rows * width, 2), np.float32)
    grid[: len(at)] = at
    x, y = (np.ascontiguousarray(grid[:, k].reshape(rows, width)) for k in range(2))
    found = resample.remap(picture, x, y, method="cubic")
    return np.asarray(found.reshape(rows * width, -1)[: len(at)], np.float64)
