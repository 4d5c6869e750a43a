"""Few-shot learning: a person's code from one or a few pictures, and its fine-tuning on them.

Zakharov et al. 2019, section 3.3: the embedding is averaged over the pictures, then what it decides becomes free and
learns on the same pictures. What matters is the number of steps: too many and expressions freeze. Here the code itself
is what becomes free, a few hundred numbers, so that the result works with the same exported network.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .. import landmarks as lm
from .. import pixels
from ..engine import Portrait
from ..face.nets import Nets
from ..neural import features
from ..neural.feeds import mirrored_numbers, mirrored_place
from ..pose import fit_similarity
from ..retarget import RetargetSettings, retarget
from . import losses
from .fast import PARTS, Part, allowed, corrected
from .pairs import moved, pair_of, random_motion, way_back
from .shards import Pair
from .train_fast import where

STEPS_ONE, STEPS_MANY = 125, 230  # for one picture, for more than MANY (paper, and its users)
MANY = 30
RATE = 5e-3
PATIENCE = 25  # steps without progress on the pictures kept aside
Views = dict[str, dict[str, Tensor]]


@dataclass(frozen=True)
class Personal:
    """What was learned of a person.

    Attributes:
        code: (1, K) float32: of head, mouth, left eye, right eye.
        steps: of fine-tuning that were worth keeping.
        before, after: relative error on the pictures kept aside (with fewer than 3: on all); 1: as without a network.
    """

    code: np.ndarray
    steps: int
    before: float
    after: float


def personalise(
    portraits: Sequence[Portrait], parts: dict[str, Part], nets: Nets | None, *, seed: int = 0, steps: int | None = None
) -> Personal:
    """The code of the person in all of these portraits, fine-tuned on them.

    Args:
        nets: for a single portrait: its moved face is found anew.
        steps: at most so many; None: by the number of pictures.
    """
    if len(portraits) > 1:
        pairs = between(portraits)
    elif nets is not None:
        pairs = there_and_back(portraits[0], nets, seed)
    else:
        raise ValueError("a single portrait needs the face nets")
    sources = torch.from_numpy(np.stack([features.still(p).source for p in portraits]).transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        codes = [torch.nn.Parameter(code) for code in mean_codes(parts, sources)]
    aside = pairs[:: max(3, len(pairs) // 4)] if len(pairs) > 2 else pairs
    learn = [pair for pair in pairs if not any(pair is other for other in aside)] or pairs
    for part in parts.values():
        part.requires_grad_(False)
    share = min(1.0, (len(portraits) - 1) / (MANY - 1))
    budget = round(STEPS_ONE + share * (STEPS_MANY - STEPS_ONE)) if steps is None else steps
    adam, order = torch.optim.Adam(codes, lr=RATE), np.random.default_rng(seed)
    kept, at = [code.detach().clone() for code in codes], 0
    with torch.no_grad():
        before = best = float(np.mean([float(error(pair, parts, codes)) for pair in aside]))
    for step in range(1, budget + 1):
        loss = error(learn[int(order.integers(len(learn)))], parts, codes)
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        if step % 5 == 0:
            with torch.no_grad():
                now = float(np.mean([float(error(pair, parts, codes)) for pair in aside]))
            if now < best:
                best, at, kept = now, step, [code.detach().clone() for code in codes]
            elif step - at >= PATIENCE:
                break
    return Personal(torch.cat(kept, dim=1).numpy().astype(np.float32), at, before, best)


def mean_codes(parts: dict[str, Part], sources: Tensor) -> list[Tensor]:
    """Embeddings averaged over pictures (K, 4, 256, 256): of head, mouth, left eye, right eye, (1, …) each."""
    seen = [("head", sources), ("mouth", sources), ("eyes", sources), ("eyes", sources.flip(-1))]
    return [parts[name].embedder(source).mean(0, keepdim=True) for name, source in seen]


def error(pair: Views, parts: dict[str, Part], codes: list[Tensor]) -> Tensor:
    """The relative error of one pair with these codes, averaged over head, mouth and eyes."""
    errors = []
    for (view, shown), code in zip(pair.items(), codes, strict=True):
        name = view if view in PARTS else "eyes"
        answer = parts[name](shown["colours"], shown["geometry"], shown["numbers"], code)
        within = allowed(shown["colours"], shown["geometry"]) if name == "head" else None
        picture = corrected(shown["colours"], answer, detail=name != "head", where=within)
        weight = where(name, shown["colours"])
        errors.append(losses.reconstruction(picture, shown["colours"][:, :3], shown["target"], weight).mean())
    return torch.stack(errors).mean()


def between(portraits: Sequence[Portrait]) -> list[Views]:
    """Each picture driven to look like each other one, which is laid over it by the rigid points of the face."""
    pairs = []
    for one, other in itertools.permutations(portraits, 2):
        index = list(lm.STABLE)
        flat = [np.pad(p.landmarks[index, :2], ((0, 0), (0, 1))) for p in (other, one)]
        fit = fit_similarity(flat[0], flat[1])
        points = fit.scale * other.landmarks @ fit.rotation.T + fit.translation
        back = np.linalg.inv(fit.scale * fit.rotation[:2, :2])
        matrix = np.concatenate([back, -(back @ fit.translation[:2])[:, None]], axis=1)
        target = pixels.warp_affine(other.source[..., :3], matrix, one.width, one.height)
        pairs.append(_views(pair_of(one, features.still(one), way_back(one, points), np.asarray(target, np.float32))))
    return pairs


def there_and_back(portrait: Portrait, nets: Nets, seed: int, *, count: int = 6) -> list[Views]:
    """The only picture moved away by random motions and back: see `pairs`."""
    motion = random_motion(count, np.random.default_rng(seed), turn=12.0)
    performance = retarget(motion, portrait.landmarks, RetargetSettings(neutral="rest"))
    pairs = []
    for pose in performance:
        away = moved(portrait, pose, nets)
        back = way_back(away, portrait.landmarks)
        pairs.append(_views(pair_of(away, features.still(away), back, portrait.source[..., :3])))
    return pairs


def _views(pair: Pair) -> Views:
    """Planar tensors of one pair, batches of one; the right eye in a mirror."""
    shown: Views = {}
    for name, view, target in zip(("head", "mouth", "left", "right"), pair.views, pair.targets, strict=True):
        right = name == "right"
        geometry = mirrored_place(view.geometry) if right else view.geometry
        numbers = mirrored_numbers(pair.numbers) if right else pair.numbers
        planar = {"colours": view.colours, "geometry": geometry, "target": target}
        shown[name] = {k: torch.from_numpy(v.transpose(2, 0, 1)[None].copy()) for k, v in planar.items()}
        shown[name]["numbers"] = torch.from_numpy(numbers[None].astype(np.float32))
    return shown
