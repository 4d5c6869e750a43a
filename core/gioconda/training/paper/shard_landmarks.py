"""Landmarks of the pictures to be learned from, for shards made before they kept any: found in the pictures."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...face.nets import Nets
from ...face.tracker import FaceTracker

LOG = logging.getLogger(__name__)
Points = npt.NDArray[np.float32]


class ShardLandmarks:
    """The landmarks of every shard's targets: its own, those found before (kept in `folder`), or found now.

    Args:
        folder: where found landmarks are kept, one small file a shard.
        nets: opens the face nets when they are needed; None: shards without landmarks have none.
    """

    def __init__(self, folder: Path, nets: Callable[[], Nets] | None = None) -> None:
        self.folder, self.nets = folder, None if nets is None else functools.cache(nets)

    def of(self, shard: Path, name: str) -> Points | None:
        """(n, 478, 2) in 0..1 of the head's square, NaN where there is no face. name: the shard's own among all."""
        own, kept = shard / "points.npy", self.folder / f"{name.replace('/', '-')}.npy"
        for path in (own, kept):
            if path.exists():
                return np.asarray(np.load(path), np.float32)
        if self.nets is None:
            return None
        points = found(np.load(shard / "target_head.npy", mmap_mode="r"), self.nets())
        self.folder.mkdir(parents=True, exist_ok=True)
        np.save(kept, points)
        LOG.info("%s: %d faces found", name, int((~np.isnan(points).any((1, 2))).sum()))
        return points


def found(pictures: npt.NDArray[np.uint8], nets: Nets) -> Points:
    """The faces in pictures (n, S, S, 3) of one person: (n, 478, 2) in 0..1 of the side, NaN where there is none."""
    tracker, size = FaceTracker(nets), pictures.shape[1]
    rows = []
    for picture in pictures:
        points, _ = tracker.follow(np.ascontiguousarray(picture))
        rows.append(np.full((478, 2), np.nan) if points is None else points[:, :2] / size)
    return np.array(rows, np.float32)
