"""Training pairs from a few pictures of one person, and which of them are held out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .. import landmarks as lm
from ..engine import Portrait
from ..imaging import resample
from ..neural import features
from ..neural.network_inputs import mirrored_geometry, mirrored_numbers, mirrored_source
from ..pose import fit_similarity
from .augment import Item
from .pairs import pair_of, pose_back_to
from .shards import VIEWS, Pair, as_bytes

Float32 = npt.NDArray[np.float32]
Sided = tuple[Item, int]  # a pair as one part sees it; 1: in a mirror, 0: not

MOST_PAIRS = 72
MOST_GAIN = 4.0  # between the light of two pictures


@dataclass(frozen=True)
class FewShotPair:
    """A pair, the head at rest (256, 256, 4) it starts from, and whether it is held out."""

    pair: Pair
    source: Float32
    held_out: bool

    def items(self, part: str) -> list[Sided]:
        """It as a part of the model sees it; of the eyes: left, right in a mirror."""
        sides = (("head", 0), ("mouth", 0), ("eyes", 0), ("eyes", 1))
        return [(self._item(k, VIEWS[k]), side) for k, (name, side) in enumerate(sides) if name == part]

    def _item(self, k: int, view: str) -> Item:
        right, items = view == "right", self.pair.views[k]
        return {
            "numbers": mirrored_numbers(self.pair.numbers) if right else self.pair.numbers,
            "source": as_bytes(mirrored_source(self.source) if right else self.source),
            "colours": as_bytes(items.colours),
            "geometry": mirrored_geometry(items.geometry) if right else items.geometry,
            "target": as_bytes(self.pair.targets[k]),
        }


def pairs_between(portraits: Sequence[Portrait], *, seed: int = 0) -> list[FewShotPair]:
    """Each picture driven to look like each other one, aligned to it by the rigid points of the face.

    With three and more, pairs to or from one of them are held out.
    """
    stills = [features.still(portrait) for portrait in portraits]
    left_out = len(portraits) // 2 if len(portraits) > 2 else None
    ways = list(itertools.permutations(range(len(portraits)), 2))
    if len(ways) > MOST_PAIRS:
        chosen = np.random.default_rng(seed).choice(len(ways), MOST_PAIRS, replace=False)
        ways = [ways[k] for k in sorted(chosen)]
    shots = []
    for k, j in ways:
        points, target = aligned_to(portraits[k], portraits[j])
        pair = pair_of(portraits[k], stills[k], pose_back_to(portraits[k], points), target)
        shots.append(FewShotPair(pair, stills[k].head_rgba, left_out in (k, j)))
    return shots


def aligned_to(one: Portrait, other: Portrait) -> tuple[npt.NDArray[np.float64], Float32]:
    """The other picture's landmarks (478, 3) and colours (H, W, 3) where and as light as the one picture shows them."""
    index = list(lm.STABLE)
    flat = [np.pad(p.landmarks[index, :2], ((0, 0), (0, 1))) for p in (other, one)]
    fit = fit_similarity(flat[0], flat[1])
    points = fit.scale * other.landmarks @ fit.rotation.T + fit.translation
    back = np.linalg.inv(fit.scale * fit.rotation[:2, :2])
    matrix = np.concatenate([back, -(back @ fit.translation[:2])[:, None]], axis=1)
    light = np.clip(_skin(one) / _skin(other), 1 / MOST_GAIN, MOST_GAIN).astype(np.float32)
    target = resample.warp_affine(other.source[..., :3] * light, matrix, one.width, one.height)
    return points, np.asarray(target, np.float32)


def _skin(portrait: Portrait) -> npt.NDArray[np.float64]:
    """The colour of the face: the median at its landmarks, linear RGB."""
    x, y = portrait.landmarks[: lm.FACE_POINTS, :2].astype(int).T
    at = np.clip(y, 0, portrait.height - 1), np.clip(x, 0, portrait.width - 1)
    colour = np.median(portrait.source[..., :3][at], axis=0).astype(np.float64)
    return np.asarray(np.maximum(colour, 1e-3), np.float64)
