"""What the person hides of the place, painted softly once a portrait: lines run on a little, or a network says what is
there; and hair that the matte missed goes to the person, so that no ghost of it stays behind.

    portrait = complete(portrait, None)      # or a CompletionNet

At the pose at rest the picture is still the source, bit for bit: plate and person put together give it. Nothing here is
a choice between alike: another version of a library changes last bits, never what is seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .. import landmarks as lm
from ..engine.mesh import smoothstep
from ..engine.plate import inpainted
from ..engine.portrait import Portrait, person_alpha, with_plate
from ..imaging import resample
from ..imaging.color import choose_display
from ..models.registry import model_path
from ..models.runtime import Session
from .choice import COMPLETION
from .encoding import decode, encode

Float32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

GUESSES = 4  # see `guesses`
SIZE = 128  # side of the square that the network looks at
WORK_PX = 1024  # longer side at which the place is painted: larger pictures get it enlarged, for it is soft
OPAQUE = 0.999  # alpha; resizing rounds it
HIDES = 0.004  # of alpha: from here on a pixel tells nothing of the place
HAZE = 0.1  # of alpha: less than this is no person unless its colour says so
MARGIN = 0.045  # face heights: what lies so close to the person may be the person's, hair that the matte missed
GAP = 0.06  # face heights: gaps of the outline up to twice as wide are the person's, unless they show the place
LINES_PX = 512  # longer side of the picture in which lines go on a little behind the person
COARSE = 0.9  # pixels of the network's square: what is painted has no finer detail


@dataclass(frozen=True)
class CompletionNet:
    """The network.

    Attributes:
        run: {"guesses": (N, 3 · GUESSES, SIZE, SIZE) encoded, "hole": (N, 1, SIZE, SIZE) 0 or 1} → [(N, 3, SIZE, SIZE),
            what was probably there].
        device: where it runs.
    """

    run: Callable[[dict[str, Float32]], list[Float32]]
    device: str

    @classmethod
    def open(cls, folder: Path | None = None, device: str = "auto", *, threads: int | None = None) -> CompletionNet:
        """Raises: ModelError, DeviceError."""
        return cls.from_file(model_path(COMPLETION, folder), device, threads=threads)

    @classmethod
    def from_file(cls, path: Path, device: str = "auto", *, threads: int | None = None) -> CompletionNet:
        """Raises: ModelError, DeviceError."""
        session = Session(path, device, threads=threads)
        return cls(session.run, session.device)


def complete(portrait: Portrait, net: CompletionNet | None, *, own_matte: bool = False) -> Portrait:
    """The portrait with what it hides painted in. A picture that is transparent somewhere stays as it is.

    net: None: lines run on a little and fade into a smooth fill.
    own_matte: the artist's: it stays as it is, also where it seems to miss hair.
    """
    matte = person_alpha(portrait.layers, portrait.source.shape[:2])
    opaque = all((portrait.source[rows, :, 3] > OPAQUE).all() for rows in resample.bands(portrait.height))
    if not opaque or matte.max() <= 0:
        return portrait
    height, width = matte.shape
    scale = min(1.0, WORK_PX / max(height, width))
    w, h = max(8, round(width * scale)), max(8, round(height * scale))
    gain = choose_display(portrait.source).gain
    picture = encode(resample.resize(portrait.source[..., :3], w, h), gain)
    alpha = resample.resize(matte, w, h)
    face_px = float(np.linalg.norm(portrait.landmarks[lm.FOREHEAD, :2] - portrait.landmarks[lm.CHIN, :2])) * scale
    hole = resample.dilate(alpha > HIDES, max(2.0, MARGIN * face_px))
    if hole.all():
        return portrait
    place = paint(picture, hole, net)
    missed = np.zeros_like(alpha) if own_matte else missed_hair(picture, place, alpha, hole, face_px)
    place = _joined(picture, place, (alpha <= HIDES) & (missed < 0.02), face_px)
    if not own_matte:
        found = resample.resize(missed, width, height, method="linear")
        matte = np.where(matte < HAZE, found, np.maximum(matte, found))
    plate = np.ones((height, width, 4), np.float32)
    plate[..., :3] = resample.resize(decode(place, gain), width, height, method="linear")
    return with_plate(portrait, matte, plate, exact_plate=not own_matte)


def paint(picture: Float32, hole: Mask, net: CompletionNet | None) -> Float32:
    """A picture (H, W, 3), encoded, with its hole (H, W) painted."""
    height, width = hole.shape
    scale = min(1.0, LINES_PX / max(height, width))
    w, h = max(8, round(width * scale)), max(8, round(height * scale))
    known = resample.resize(picture, w, h)
    small_hole = resample.resize(hole.astype(np.float32), w, h) > 0
    if net is None:
        said = inpainted(known, ~small_hole)
    else:
        said = np.where(
            small_hole[..., None], resample.resize(_learned(picture, hole, net), w, h, method="cubic"), known
        )
    coarse = resample.gaussian_blur(said, COARSE * max(w, h) / SIZE)
    smooth = resample.resize(coarse, width, height, method="cubic")
    return np.where(hole[..., None], smooth, picture).astype(np.float32)


def _learned(picture: Float32, hole: Mask, net: CompletionNet) -> Float32:
    """The whole picture at the network's size, (SIZE, SIZE, 3), its hole painted."""
    small_hole = resample.resize(hole.astype(np.float32), SIZE, SIZE) > 0
    all_guesses = guesses(resample.resize(picture, SIZE, SIZE), small_hole)
    feeds = {"guesses": all_guesses.transpose(2, 0, 1)[None], "hole": small_hole[None, None].astype(np.float32)}
    said = net.run({name: np.ascontiguousarray(value, np.float32) for name, value in feeds.items()})[0][0]
    return np.ascontiguousarray(said.transpose(1, 2, 0))


def guesses(picture: Float32, hole: Mask) -> Float32:
    """What may be in a hole, after four simple rules: (H, W, 3 · GUESSES), the picture itself outside the hole.

    Smoothly filled; lines run on a little; each row, each column from its ends.
    """
    smooth = resample.fill_holes_smooth(picture, ~hole)
    rows = _across(picture, hole, smooth)
    columns = _across(picture.transpose(1, 0, 2), hole.T, smooth.transpose(1, 0, 2)).transpose(1, 0, 2)
    return np.dstack([smooth, inpainted(picture, ~hole), rows, columns]).astype(np.float32)


def _across(picture: Float32, hole: Mask, otherwise: Float32) -> Float32:
    """Hidden stretches of each row from one end's colour to the other's; rows all hidden as `otherwise`."""
    width = hole.shape[1]
    x = np.broadcast_to(np.arange(width), hole.shape)
    left = np.maximum.accumulate(np.where(hole, -1, x), axis=1)
    right = np.minimum.accumulate(np.where(hole, width, x)[:, ::-1], axis=1)[:, ::-1]
    row = np.arange(len(hole))[:, None]
    ends = [picture[row, np.clip(each, 0, width - 1)] for each in (left, right)]
    near = [np.where(ok, 1.0 / np.maximum(d, 1), 0) for ok, d in ((left >= 0, x - left), (right < width, right - x))]
    total = near[0] + near[1]
    share = (near[1] / np.maximum(total, 1e-9)).astype(np.float32)[..., None]
    filled = np.where(total[..., None] > 0, ends[0] + share * (ends[1] - ends[0]), otherwise)
    return np.where(hole[..., None], filled, picture).astype(np.float32)


def missed_hair(picture: Float32, place: Float32, alpha: Float32, hole: Mask, face_px: float) -> Float32:
    """How much of the person there is where the matte sees nobody, (H, W): hair, judged by its colour.

    A pixel I in the hole's margin is α F + (1 - α) B with F the person's colour nearby and B the painted place. That is
    believed where I differs from B by more than the place itself varies, and towards F; close to the person sooner than
    further away. In small gaps of the outline (hair clips, combs) any colour is the person's that is not the place's.
    Before flags and shelves colours tell nothing: nothing is found there.
    """
    person = resample.fill_holes_smooth(picture, alpha > 0.9)
    share, along, beside = _mixed(picture, place, person)
    apart = np.hypot(along, beside)
    distance = resample.distance_inside(alpha <= 0.5) / (MARGIN * face_px)
    varies = _variation(picture, hole, face_px)
    needed = (0.7 + 3 * distance) * varies + 0.01 + 0.03 * distance
    needed += 4 * np.maximum(varies - 0.05, 0)
    aside = beside / np.maximum(apart, 1e-4)
    hair = smoothstep((2 * apart / needed - 1).astype(np.float64)) * smoothstep((1.5 - 2 * aside).astype(np.float64))
    thing = smoothstep((apart / (4 * needed) - 1).astype(np.float64)) * smoothstep((4 * aside - 2).astype(np.float64))
    thing *= _gaps(alpha, face_px)
    found = np.where((alpha < 1) & hole, np.maximum(share * hair, thing), 0).astype(np.float32)
    # what runs on beyond the margin is a line of the place
    outside = (alpha <= HAZE) & (found > 0.1) & (distance > 0.3)
    rim = hole & (resample.distance_inside(hole) < np.maximum(1.5, 0.12 * MARGIN * face_px))
    return np.where(resample.connected(outside, rim), 0, found).astype(np.float32)


def _joined(picture: Float32, place: Float32, shown: Mask, face_px: float) -> Float32:
    """The painted place as bright as the picture where that begins to be `shown`: no rim is left around the person."""
    size = 0.012 * face_px
    share = resample.gaussian_blur(shown.astype(np.float32), size)
    apart = resample.gaussian_blur(np.where(shown[..., None], picture - place, 0).astype(np.float32), size)
    near = share > 0.1
    return place + resample.fill_holes_smooth(apart / np.maximum(share, 0.1)[..., None], near) * ~shown[..., None]


def _mixed(picture: Float32, place: Float32, person: Float32) -> tuple[Float32, Float32, Float32]:
    """How much of `person` there is over `place`, 0..1; how far the picture is from the place that way, and beside."""
    towards, apart = person - place, picture - place
    share = np.clip((apart * towards).sum(2) / np.maximum((towards**2).sum(2), 1e-4), 0, 1)
    beside = np.linalg.norm(apart - share[..., None] * towards, axis=2)
    return share, share * np.linalg.norm(towards, axis=2), beside


def _variation(picture: Float32, hole: Mask, face_px: float) -> Float32:
    """How much the place varies around each pixel as far as it is seen, root mean square, (H, W)."""
    seen = ~hole
    filled = resample.fill_holes_smooth(picture, seen)
    rough = ((filled - resample.gaussian_blur(filled, 0.02 * face_px)) ** 2).sum(2)
    share = resample.gaussian_blur(seen.astype(np.float32), 0.06 * face_px)
    rough = resample.gaussian_blur(np.where(seen, rough, 0), 0.06 * face_px) / np.maximum(share, 1e-3)
    return np.sqrt(np.maximum(resample.fill_holes_smooth(rough, share > 0.05), 0))


def _gaps(alpha: Float32, face_px: float) -> Mask:
    """Small holes and notches of the outline: what growing and shrinking it closes."""
    reach = GAP * face_px
    return resample.erode(resample.dilate(alpha > 0.5, reach), reach)
