"""Detail for a painted hole, copied from the known part of the picture: PatchMatch. It knows no faces, no networks.

Sources: Barnes et al., "PatchMatch", SIGGRAPH 2009 (the search); Wexler, Shechtman and Irani, "Space-time completion of
video", PAMI 2007 (patches vote for each pixel). Here patches carry only what is finer than a given smooth picture: that
one says how bright and which colour a place is, so that no seam can show where copies meet.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.ndimage import distance_transform_edt

from .. import pixels

Float32 = npt.NDArray[np.float32]
Int = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

REACH = 3  # a patch is 2 REACH + 1 pixels wide
COARSEST = 96  # pixels, longer side: the search begins here and doubles
FINEST = 768  # and ends here: beyond, each pixel copies what its place copied
HIDDEN = 0.35  # how much a painted pixel counts in comparing patches, a known one counts 1
PLACE = 4.0  # how much the smooth picture under the middle counts, beside a pixel of detail
ROUNDS = 2  # of search and vote at each size, half as many at FINEST, where most is found already
TRIES = 3  # scans of a search


def detailed(picture: Float32, smooth: Float32, hole: Mask) -> Float32:
    """What belongs in the hole of a picture: `smooth` and detail like that of the known part.

    Args:
        picture: (H, W, 3) encoded values, anything in the hole.
        smooth: (H, W, 3), the picture's coarse structure, everywhere.
        hole: (H, W) bool.

    Returns:
        (H, W, 3); the picture itself outside the hole.
    """
    height, width = hole.shape
    detail = np.where(hole[..., None], np.float32(0), picture - smooth).astype(np.float32)
    size = [min(1.0, COARSEST / max(height, width))]
    while size[-1] < min(1.0, FINEST / max(height, width)):
        size.append(min(2 * size[-1], 1.0, FINEST / max(height, width)))
    field: Int | None = None
    for scale in size:
        w, h = max(8, round(width * scale)), max(8, round(height * scale))
        small_hole = pixels.resize(hole.astype(np.float32), w, h) > 0.01
        small = np.dstack([pixels.resize(detail, w, h), pixels.resize(smooth, w, h)])
        source = _whole_patches(small_hole)
        if not source.any() or not small_hole.any():
            return np.where(hole[..., None], smooth, picture)
        field = _start(small_hole, source) if field is None else _enlarged(field, small_hole, source)
        _vote(field, small_hole, small)
        for round_ in range(ROUNDS if max(w, h) < FINEST // 2 + 8 else 1):
            _search(field, small_hole, source, small, TRIES, 7 * round_ + len(small))
            _vote(field, small_hole, small)
    assert field is not None
    copied = _copied(field, hole, detail) if size[-1] < 1 else small[..., :3]
    return np.where(hole[..., None], smooth + copied, picture).astype(np.float32)


def _whole_patches(hole: Mask) -> Mask:
    """Where the middle of a patch without a hidden pixel may be."""
    free = np.zeros_like(hole)
    inner = slice(REACH, -REACH)
    free[inner, inner] = pixels.box_filter(hole.astype(np.float32), REACH)[inner, inner] <= 1e-6
    return free


def _start(hole: Mask, source: Mask) -> Int:
    """Each hidden pixel looks like the known one across the rim: (h, w, 2) rows, columns."""
    return _valid(2 * _nearest(source) - _own(hole.shape), source)


def _enlarged(field: Int, hole: Mask, source: Mask) -> Int:
    """The field of a smaller size at this one."""
    h, w = hole.shape
    own = _own(hole.shape)
    rows = np.minimum(own[..., 0] * field.shape[0] // h, field.shape[0] - 1)
    columns = np.minimum(own[..., 1] * field.shape[1] // w, field.shape[1] - 1)
    offset = field[rows, columns] - np.stack([rows, columns], axis=2)
    scale = np.array([h / field.shape[0], w / field.shape[1]])
    return _valid(own + np.rint(offset * scale).astype(np.int32), source)


def _valid(field: Int, source: Mask) -> Int:
    """Where a field points to no whole patch it points to the nearest one."""
    h, w = source.shape
    inside = np.stack([np.clip(field[..., 0], 0, h - 1), np.clip(field[..., 1], 0, w - 1)], axis=2)
    return np.ascontiguousarray(_nearest(source)[inside[..., 0], inside[..., 1]], np.int32)


def _own(shape: tuple[int, ...]) -> Int:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.stack([rows, columns], axis=2).astype(np.int32)


def _nearest(source: Mask) -> Int:
    """The nearest pixel where `source` is true, (h, w, 2)."""
    index = distance_transform_edt(~source, return_distances=False, return_indices=True)
    return np.ascontiguousarray(np.moveaxis(index, 0, 2), np.int32)


@njit(cache=True, nogil=True)
def _distance(hole, picture, y, x, sy, sx, most):  # type: ignore[no-untyped-def]
    """How unlike the patches around (y, x) and (sy, sx) are; at least `most` as soon as that is sure."""
    rows, columns = hole.shape
    total = np.float32(0)
    for c in range(3, 6):
        d = picture[y, x, c] - picture[sy, sx, c]
        total += np.float32(PLACE) * d * d
    weight = np.float32(1e-6)
    for dy in range(-REACH, REACH + 1):
        for dx in range(-REACH, REACH + 1):
            py, px = y + dy, x + dx
            if py < 0 or px < 0 or py >= rows or px >= columns:
                continue
            w = np.float32(HIDDEN) if hole[py, px] else np.float32(1)
            weight += w
    scale = np.float32(1) / weight
    for dy in range(-REACH, REACH + 1):
        for dx in range(-REACH, REACH + 1):
            py, px = y + dy, x + dx
            if py < 0 or px < 0 or py >= rows or px >= columns:
                continue
            w = (np.float32(HIDDEN) if hole[py, px] else np.float32(1)) * scale
            for c in range(3):
                d = picture[py, px, c] - picture[sy + dy, sx + dx, c]
                total += w * d * d
        if total >= most:
            return most
    return total


@njit(cache=True, nogil=True)
def _search(field, hole, source, picture, tries, seed):  # type: ignore[no-untyped-def]
    """Better sources for every hidden pixel: what the neighbours found, and places drawn around the own one."""
    rows, columns = hole.shape
    state = np.uint64(seed * 2654435761 + 12345)
    best = np.full((rows, columns), np.float32(1e30), np.float32)
    for y in range(rows):
        for x in range(columns):
            if hole[y, x]:
                best[y, x] = _distance(hole, picture, y, x, field[y, x, 0], field[y, x, 1], np.float32(1e30))
    for turn in range(tries):
        step = 1 if turn % 2 == 0 else -1
        for j in range(rows):
            y = j if step == 1 else rows - 1 - j
            for i in range(columns):
                x = i if step == 1 else columns - 1 - i
                if not hole[y, x]:
                    continue
                for k in range(2):
                    ny, nx = (y - step, x) if k == 0 else (y, x - step)
                    if ny < 0 or nx < 0 or ny >= rows or nx >= columns or not hole[ny, nx]:
                        continue
                    sy, sx = field[ny, nx, 0] + y - ny, field[ny, nx, 1] + x - nx
                    if 0 <= sy < rows and 0 <= sx < columns and source[sy, sx]:
                        d = _distance(hole, picture, y, x, sy, sx, best[y, x])
                        if d < best[y, x]:
                            best[y, x], field[y, x, 0], field[y, x, 1] = d, sy, sx
                radius = max(rows, columns) // 2
                while radius >= 1:
                    state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                    dy = np.int64((state >> np.uint64(33)) % np.uint64(2 * radius + 1)) - radius
                    state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                    dx = np.int64((state >> np.uint64(33)) % np.uint64(2 * radius + 1)) - radius
                    sy, sx = field[y, x, 0] + dy, field[y, x, 1] + dx
                    if 0 <= sy < rows and 0 <= sx < columns and source[sy, sx]:
                        d = _distance(hole, picture, y, x, sy, sx, best[y, x])
                        if d < best[y, x]:
                            best[y, x], field[y, x, 0], field[y, x, 1] = d, sy, sx
                    radius //= 2


@njit(cache=True, nogil=True)
def _vote(field, hole, picture):  # type: ignore[no-untyped-def]
    """Every hidden pixel's detail becomes the mean of what the patches over it say, nearer middles counting more."""
    rows, columns = hole.shape
    made = picture[:, :, :3].copy()
    for y in range(rows):
        for x in range(columns):
            if not hole[y, x]:
                continue
            total = np.float32(0)
            r, g, b = np.float32(0), np.float32(0), np.float32(0)
            for dy in range(-REACH, REACH + 1):
                for dx in range(-REACH, REACH + 1):
                    py, px = y + dy, x + dx
                    if py < 0 or px < 0 or py >= rows or px >= columns or not hole[py, px]:
                        continue
                    w = np.float32(1) / np.float32(1 + 2 * (dy * dy + dx * dx))
                    sy, sx = field[py, px, 0] - dy, field[py, px, 1] - dx
                    r += w * picture[sy, sx, 0]
                    g += w * picture[sy, sx, 1]
                    b += w * picture[sy, sx, 2]
                    total += w
            made[y, x, 0], made[y, x, 1], made[y, x, 2] = r / total, g / total, b / total
    picture[:, :, :3] = made


@njit(cache=True, nogil=True)
def _copied(field, hole, detail):  # type: ignore[no-untyped-def]
    """The detail at full size, (H, W, 3): each hidden pixel's from where the field's four nearest say, blended."""
    height, width = hole.shape
    rows, columns = field.shape[:2]
    out = np.zeros_like(detail)
    up_y, up_x = np.float32(height / rows), np.float32(width / columns)
    for y in range(height):
        fy = (y + 0.5) / up_y - 0.5
        y0 = int(np.floor(fy))
        for x in range(width):
            if not hole[y, x]:
                continue
            fx = (x + 0.5) / up_x - 0.5
            x0 = int(np.floor(fx))
            total = np.float32(0)
            for k in range(4):
                qy, qx = y0 + k // 2, x0 + k % 2
                w = np.float32(1 - abs(fy - qy)) * np.float32(1 - abs(fx - qx))
                qy, qx = min(max(qy, 0), rows - 1), min(max(qx, 0), columns - 1)
                sy = min(max(int(round(y + (field[qy, qx, 0] - qy) * up_y)), 0), height - 1)
                sx = min(max(int(round(x + (field[qy, qx, 1] - qx) * up_x)), 0), width - 1)
                if hole[sy, sx]:
                    continue
                total += w
                for c in range(3):
                    out[y, x, c] += w * detail[sy, sx, c]
            if total > 0:
                for c in range(3):
                    out[y, x, c] /= total
    return out
