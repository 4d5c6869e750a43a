"""The `fast` model: three small U-nets for head, mouth and eyes, each with an embedder that is run once per portrait.

The three know nothing of each other and learn apart. Each answers with corrections in the size of its crop; all start
at exactly nothing:

    flow   (N, 2, S/2, S/2)  where to take the colour from, relative to the pixel, in units of the crop's side
    tone   (N, 7, S/4, S/4)  gain - 1 of R, G, B, offset of R, G, B, and how much more of the person there is
    paint  (N, 3, S, S)      what is added at last: mask x (new colour - old colour), in encoded values
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..engine.network_channels import (
    BEHIND_RGB,
    COLOURS,
    ENGINE_RGB,
    GEOMETRY,
    MATTE,
    NUMBERS,
    TONE_GAIN,
    TONE_MATTE,
    TONE_OFFSET,
    Geometry,
    Number,
)
from ..neural.features import AROUND
from .blocks import Modulated, doubled, enlarged, halved, space_to_depth, warped

FACE, HOLES = 4, 7  # channels of the geometry: skin; mouth hole and eye hole
MOST_FLOW, MOST_GAIN, MOST_OFFSET, MOST_MATTE = 0.04, 0.4, 0.2, 0.6  # the flow of the head: PartConfig
LUMA = (0.30, 0.59, 0.11)  # of encoded values
MONOCHROME = (0.1, 0.2)  # of the spread of brightness: see `keep_monochrome`
MOVED = slice(Number.MOVED_X, Number.MOVED_Z)  # within the picture
REACH = (0.2, 0.33)  # head units: all of the corrections, none of them
EDGE = 0.12  # of the crop's side: over this the corrections of mouth and eyes fade to nothing at the border


@dataclass(frozen=True)
class PartConfig:
    """Sizes of one part."""

    widths: tuple[int, ...]  # channels at S/2, S/4, S/8, S/16
    most_flow: float = MOST_FLOW  # in sides of the crop
    local: bool = True  # on the average nothing changes in a ring near the crop's border: no cast over all of it
    embedding: int = 48
    code: int = 64
    dropout: float = 0.1  # share of the channels that are silent in a step of training, from S/4 on


PARTS = ("head", "mouth", "eyes")
SIZES = {
    "head": PartConfig((16, 40, 64, 96), most_flow=0.02, local=False),
    "mouth": PartConfig((32, 48, 72, 96)),
    "eyes": PartConfig((24, 40, 64, 80)),
}


class Embedder(nn.Module):
    """The head at rest with its matte, (N, 4, 256, 256) → (N, embedding)."""

    def __init__(self, embedding: int) -> None:
        super().__init__()
        widths = (4, 16, 24, 40, 64, 80)
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip(widths, widths[1:], strict=False)
        )
        self.out = nn.Linear(widths[-1], embedding)

    def forward(self, source: Tensor) -> Tensor:
        x = halved(source)
        for layer in self.layers:
            x = functional.relu(layer(x))
        return self.out(x.mean((2, 3)))


class Part(nn.Module):
    """One crop's embedder and U-net."""

    def __init__(self, config: PartConfig) -> None:
        super().__init__()
        widths, code = config.widths, config.code
        self.config = config
        self.embedder = Embedder(config.embedding)
        self.numbers = nn.Linear(config.embedding + NUMBERS, code)
        self.stem = nn.Conv2d(4 * COLOURS + GEOMETRY, widths[0], 1)
        self.fine = nn.Conv2d(widths[0], widths[0], 3, padding=1)
        pairs = list(zip(widths, widths[1:], strict=False))
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairs)
        self.seen = nn.ModuleList(Modulated(b, code) for _, b in pairs)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairs)
        self.said = nn.ModuleList(Modulated(a, code) for a, _ in pairs[1:])
        self.last = nn.Conv2d(widths[0], widths[0], 3, padding=1)
        self.tone = nn.Conv2d(widths[1], 7, 3, padding=1)
        self.flow = nn.Conv2d(widths[0], 2, 3, padding=1)
        self.paint = nn.Conv2d(widths[0], 16, 3, padding=1)
        for layer in (self.tone, self.flow, self.paint):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, colours: Tensor, geometry: Tensor, numbers: Tensor, embedding: Tensor) -> tuple[Tensor, ...]:
        """-> flow, tone, paint: see above. embedding: what `self.embedder` says of the portrait."""
        code = functional.relu(self.numbers(torch.cat([embedding, numbers], dim=1)))
        x = functional.relu(self.stem(torch.cat([space_to_depth(colours), geometry], dim=1)))
        skips = [functional.relu(self.fine(x))]
        for down, block in zip(self.down, self.seen, strict=True):
            seen = block(functional.relu(down(skips[-1])), code)
            skips.append(functional.dropout2d(seen, self.config.dropout, self.training))
        x = skips.pop()
        tone = x
        for level in range(len(self.up) - 1, -1, -1):
            x = functional.relu(doubled(self.up[level](x)) + skips.pop())
            if level > 0:
                x = self.said[level - 1](x, code)
            if level == 1:
                tone = self.tone(x)
        x = functional.relu(self.last(x))
        outputs = self.flow(x), tone, self.paint(x)
        outputs = limit_outputs(*outputs, colours, geometry, most_flow=self.config.most_flow, local=self.config.local)
        return outputs if self.config.local else fade_far_heads(outputs, numbers)


def fade_far_heads(outputs: tuple[Tensor, ...], numbers: Tensor) -> tuple[Tensor, ...]:
    """Less and less of what is said of a whole head, the farther it moved: few people learned from move farther.

    numbers: (N, NUMBERS); MOVED is the movement in the picture, head units, cut off at `neural.features.FAR`.
    """
    far = numbers[:, MOVED].square().sum(1).clamp(min=1e-12).sqrt()[:, None, None, None]
    share = ((REACH[1] - far) / (REACH[1] - REACH[0])).clamp(0, 1)
    return tuple(share * each for each in outputs)


def limit_outputs(
    flow: Tensor, tone: Tensor, paint: Tensor, colours: Tensor, geometry: Tensor, *, most_flow: float, local: bool
) -> tuple[Tensor, ...]:
    """What the last layers say, as the answer: within its limits, and of mouth and eyes only what is theirs to say.

    Args:
        flow: (N, 2, S/2, S/2); tone: (N, 7, S/4, S/4); paint: (N, 16, S/2, S/2), four colours with their masks.
    """
    painted = functional.pixel_shuffle(paint, 2)
    paint = torch.sigmoid(painted[:, 3:] - 1) * painted[:, :3]
    most = torch.tensor([MOST_GAIN] * 3 + [MOST_OFFSET] * 3 + [MOST_MATTE], device=tone.device, dtype=tone.dtype)
    tone = torch.tanh(tone) * most[:, None, None]
    flow = most_flow * torch.tanh(flow)
    if local:
        tone, paint = keep_monochrome(colours[:, BEHIND_RGB], tone, paint)
        cast = _mean_tint(colours[:, ENGINE_RGB], tone, paint)
        tone = torch.cat([tone[:, TONE_GAIN], tone[:, TONE_OFFSET] - cast, tone[:, TONE_MATTE]], dim=1)
        face = face_mask(geometry)
        flow, tone, paint = flow * face, tone * halved(face), paint * doubled(face)
    return flow, tone, paint


def face_mask(geometry: Tensor) -> Tensor:
    """Where the face's own mesh is, softly, (N, 1, S/2, S/2): what mouth and eyes may say something about."""
    face = (geometry[:, FACE : FACE + 1] + geometry[:, HOLES : HOLES + 2].sum(1, keepdim=True)).clamp(0, 1)
    within = functional.avg_pool2d(face, 5, stride=1, padding=2, count_include_pad=False)
    return (2 * within - 1).clamp(min=0)  # nothing at the face's edge, all of it two pixels inside


def keep_monochrome(rest: Tensor, tone: Tensor, paint: Tensor) -> tuple[Tensor, Tensor]:
    """Corrections of a picture that is grey or sepia, moved onto the line that its own colours lie on.

    Where R, G and B each follow brightness in a straight line, up to less than a tenth of its spread (photographs
    without colour: 0 to 0.1), no other colour may come in; from a fifth on (photographs with colour: 0.12 to 0.5)
    nothing is changed.

    Args:
        rest: (N, 3, S, S), what the crop shows at rest: the same in every frame.
    """
    luma = torch.tensor(LUMA, device=rest.device, dtype=rest.dtype)[:, None, None]
    bright = (rest * luma).sum(1, keepdim=True)
    apart, spread = (each - each.mean((2, 3), keepdim=True) for each in (rest, bright))
    power = (spread * spread).mean((2, 3), keepdim=True) + 1e-6
    slope = (apart * spread).mean((2, 3), keepdim=True) / power  # (N, 3, 1, 1)
    residue = ((apart - slope * spread) ** 2).mean((2, 3), keepdim=True).amax(1, keepdim=True)
    keep = ((torch.sqrt(residue / power + 1e-9) - MONOCHROME[0]) / (MONOCHROME[1] - MONOCHROME[0])).clamp(0, 1)
    slope = slope / (slope * luma).sum(1, keepdim=True)

    def moved(change: Tensor, along: Tensor) -> Tensor:
        return keep * change + (1 - keep) * along * (change * luma).sum(1, keepdim=True)

    gain, offset = moved(tone[:, TONE_GAIN], torch.ones_like(slope)), moved(tone[:, TONE_OFFSET], slope)
    return torch.cat([gain, offset, tone[:, TONE_MATTE]], dim=1), moved(paint, slope)


def _mean_tint(colours: Tensor, tone: Tensor, paint: Tensor) -> Tensor:
    """The mean change of colour in a ring between a tenth and a quarter of the side from the border, (N, 3, 1, 1)."""
    size = tone.shape[-1]
    line = torch.arange(size, device=tone.device)
    inwards = torch.minimum(line, size - 1 - line)
    depth = torch.minimum(inwards[:, None], inwards[None, :])
    ring = ((depth >= size // 10) & (depth < size // 4)).to(tone.dtype)
    small, painted = halved(halved(colours)), halved(halved(paint))
    change = tone[:, TONE_GAIN] * small + tone[:, TONE_OFFSET] + painted
    return (change * ring).sum((2, 3), keepdim=True) / ring.sum()


def correction_mask(colours: Tensor, geometry: Tensor, *, side: int | None = None) -> Tensor:
    """Where the head's square may be corrected: at the person, where it was at rest, and a little around. (N, 1, S, S)

    The background stays the picture's own. `neural.features.correction_mask` does nearly the same at run time: with a
    disc.
    side: of the whole square, when only a part of it is shown.
    """
    was = functional.interpolate(geometry[:, Geometry.DISOCCLUDED, None], scale_factor=2.0, mode="nearest")
    person = (colours[:, MATTE] + was).clamp(0, 1)
    around = round(AROUND * (side or colours.shape[-1]))
    near = functional.max_pool2d(person, 2 * around + 1, stride=1, padding=around)
    soft = 2 * (around // 2)
    return functional.avg_pool2d(near, soft + 1, stride=1, padding=soft // 2, count_include_pad=False)


def apply_corrections(
    colours: Tensor, outputs: tuple[Tensor, ...], *, detail: bool, mask: Tensor | None = None
) -> Tensor:
    """The engine's picture with a network's corrections, at the crop's size: what training compares with the target.

    `neural.apply` does the same at the picture's own size.

    Args:
        colours: (N, COLOURS, S, S); answer: flow, tone, paint.
        detail: mouth or eyes: corrections fade out towards the border, and nothing is said about the plate.
        mask: of the head: see `correction_mask`; None: everywhere.
    """
    size = colours.shape[-1]
    flow, tone, paint = (enlarged(part, size) if part.shape[-1] != size else part for part in outputs)
    fade = window(size, colours) if detail else torch.ones_like(colours[:1, :1])
    fade = fade if mask is None else fade * mask
    moved = warped(torch.cat([colours[:, ENGINE_RGB], colours[:, MATTE]], dim=1), flow * fade)
    picture, matte = moved[:, :3], moved[:, 3:].clamp(0, 1)
    if not detail:
        picture = picture + fade * tone[:, TONE_MATTE] * 4 * matte * (1 - matte) * (picture - colours[:, BEHIND_RGB])
    return picture + fade * (tone[:, TONE_GAIN] * picture + tone[:, TONE_OFFSET] + paint)


def window(size: int, like: Tensor) -> Tensor:
    """1 in the middle, smoothly 0 at the border. (1, 1, size, size)"""
    line = (torch.arange(size, device=like.device, dtype=like.dtype) + 0.5) / size
    rise = (torch.minimum(line, 1 - line) / EDGE).clamp(0, 1)
    rise = rise * rise * (3 - 2 * rise)
    return (rise[:, None] * rise[None, :])[None, None]
