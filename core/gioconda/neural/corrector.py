"""A network's corrections on finished frames: open the nets once, look at a portrait once, correct any frame of it.

    nets = CorrectionNets.open("fast", folder)
    corrector = Corrector(nets, portrait)
    corrector.correct(placed, combined, matte)     # in place; nothing happens at the identity pose

What a network has not learned to improve it leaves alone: corrections fade in with the distance from the pose at rest,
so that undriven frames stay the source's own pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .. import pixels
from ..engine import Placed, Portrait, render_rows
from ..engine.correct import correct, tables
from ..engine.kernels import ONE_AT_A_TIME
from ..engine.mesh import smoothstep
from ..errors import ModelError
from ..face.runtime import Session
from ..models.registry import default_models_folder, load_registry
from ..protocol import Job, Log, Report
from . import features
from .crops import FAST, Crop, Sizes
from .feeds import feeds, mirrored_source
from .identity import Identity, load_identity
from .quality import OFF, files, names

Float32 = npt.NDArray[np.float32]
Run = Callable[[dict[str, Float32]], list[Float32]]

BEGIN = 0.03  # head units: from this movement of any landmark on, corrections have their full strength
OWN = 0.03  # head units: the same for what lips and eyes do on their own
WIDE, WIDE_SPAN = 0.3, 0.12  # head units: no mouth it learned from was open wider: there the engine knows better
_NO_MEMORY = ("failed to allocate", "bad allocation", "bad_alloc", "out of memory", "not enough memory")
OUTPUTS = tuple(f"{part}_{kind}" for part in ("head", "mouth", "eyes") for kind in ("flow", "tone", "paint"))


@dataclass(frozen=True)
class CorrectionNets:
    """The two networks of a quality: who is it (once a portrait), what is to be corrected (every frame).

    Attributes:
        person: {"source": (2, 4, head, head): the head, and it mirrored} → [code (1, K)].
        frame: the inputs of `feeds` → OUTPUTS.
        device: where they run.
        sizes: of the squares they see.
    """

    person: Run
    frame: Run
    device: str
    sizes: Sizes = FAST

    @classmethod
    def open(
        cls, quality: str, folder: Path | None = None, device: str = "auto", *, threads: int | None = None,
        identity: Identity | None = None,
    ) -> CorrectionNets:  # fmt: skip
        """Open both of a quality, one of `quality.QUALITIES`, with what an identity changes of their weights.

        Raises:
            ModelError: a network is missing, is not the expected one, or does not fit into memory; the identity does
                not fit the network.
            DeviceError: the asked-for device does not work here.
        """
        person, frame = files(quality, folder or default_models_folder())
        return cls.from_files(person, frame, device, threads=threads, identity=identity)

    @classmethod
    def from_files(
        cls, person: Path, frame: Path, device: str = "auto", *, threads: int | None = None,
        identity: Identity | None = None,
    ) -> CorrectionNets:  # fmt: skip
        """Open both from files of any name.

        Raises:
            ModelError, DeviceError.
        """
        with _memory(frame, device):
            who = Session(person, device, threads=threads)
            what = Session(frame, device, threads=threads, changes=identity.changes if identity else None)
        if identity is not None and what.inputs["code"][1] != identity.code.shape[1]:
            raise ModelError(f"The identity does not fit {frame}: make it anew with `gioconda personalise`.")
        return cls(_bounded(who, person), _bounded(what, frame), what.device, _sizes_of(what, frame))


def _bounded(session: Session, path: Path) -> Run:
    """`session.run`, but memory that does not suffice is a sentence."""

    def run(inputs: dict[str, Float32]) -> list[Float32]:
        with _memory(path, session.device):
            return session.run(inputs)

    return run


@contextmanager
def _memory(path: Path, device: str) -> Iterator[None]:
    """Raises: ModelError, for whatever ONNX Runtime says of memory that does not suffice."""
    try:
        yield
    except Exception as error:  # its classes share no base
        text = f"{error} {error.__cause__}".lower()
        if not isinstance(error, MemoryError) and not any(words in text for words in _NO_MEMORY):
            raise
        raise ModelError(
            f"The networks of {path.name} need more memory than there is on {device}: "
            "use --neural fast or off, or another --device."
        ) from error


def _sizes_of(session: Session, path: Path) -> Sizes:
    """The sides of the squares that a network wants to see. Raises: ModelError."""
    sides = [session.inputs.get(f"{part}_colours", [])[-1:] for part in ("head", "mouth", "eyes")]
    if not all(side and isinstance(side[0], int) for side in sides):
        raise ModelError(f"The model {path} is no network of corrections: its inputs say no sizes.")
    return Sizes(*(int(side[0]) for side in sides))


class Corrector:
    """The corrections of one portrait."""

    def __init__(self, nets: CorrectionNets, portrait: Portrait, *, code: Float32 | None = None) -> None:
        """code: (1, K), the person's embedding, when it is known better than from this one picture."""
        self.nets, self.portrait = nets, portrait
        self.still = features.still(portrait, nets.sizes)
        self.code = code if code is not None else embedding(nets, [self.still.source])
        self.box = _box(self.still.head, portrait.width, portrait.height)
        self.plate = _plate(portrait, self.box)
        self.tables = tables()

    def answers(self, placed: Placed, combined: Float32, matte: Float32) -> tuple[list[Float32], Float32]:
        """What the network says of a frame, OUTPUTS, and where it may be heeded, (size, size) of the head's square.

        combined: (H, W, 4); matte: (H, W).
        """
        views = features.look(self.portrait, self.still, placed, combined, matte)
        said = self.nets.frame(feeds(views, features.numbers(self.portrait, placed), self.code))
        return said, features.allowed(views[0])

    def correct(self, placed: Placed, combined: Float32, matte: Float32) -> None:
        """Correct a whole frame in place: combined (H, W, 4) premultiplied scene-linear, matte (H, W)."""
        strength = 0.0 if placed.pose.is_identity else features.movement(self.portrait, placed) / BEGIN
        share = np.float32(smoothstep(np.array(strength)))
        if share == 0:
            return
        answers, where = self.answers(placed, combined, matte)
        # eyes and lips that keep still on a turning head are the portrait's own: the engine shows them as they are
        *moved, apart = features.own_movement(self.portrait, placed)
        lips, left, right = smoothstep(np.array(moved) / OWN)
        lips *= 1 - smoothstep(np.array((apart - WIDE) / WIDE_SPAN))
        both = np.array([left, right], np.float32)[:, None, None, None]
        answers[3:6] = [np.float32(lips) * answer for answer in answers[3:6]]
        answers[6:9] = [both * answer for answer in answers[6:9]]
        self.lay(placed, answers, share * where, combined, matte)

    def lay(self, placed: Placed, answers: list[Float32], where: Float32, combined: Float32, matte: Float32) -> None:
        """Apply what the network said, in place. where: how much of it, (size, size) 0..1 in the head's square."""
        x0, y0, x1, y1 = self.box
        crops = np.stack([_into(crop) for crop in features.crops_now(self.portrait, self.still, placed)])
        head, mouth, eyes = (_upright(answers[k : k + 3]) for k in (0, 3, 6))
        # corrections must end softly where the head's square ends within the picture
        low = self.still.head.to_picture[:, 2]
        high = low + self.still.head.to_picture[:, :2].sum(1) * self.still.head.size
        size = np.array([self.portrait.width, self.portrait.height])
        rims = np.concatenate([low > 2, high < size - 2]).astype(np.float32)
        out, out_matte = np.empty((y1 - y0, x1 - x0, 4), np.float32), np.empty((y1 - y0, x1 - x0), np.float32)
        with ONE_AT_A_TIME:
            correct(
                combined, matte, self.plate, np.array(self.box, np.int32), np.float32(self.still.gain), crops, rims,
                where, head[0], mouth[0], eyes, *self.tables, out, out_matte,
            )  # fmt: skip
        combined[y0:y1, x0:x1], matte[y0:y1, x0:x1] = out, out_matte


def open_corrector(job: Job, portrait: Portrait, report: Report) -> Corrector | None:
    """What a job asks for that `quality.settled` has seen; None: nothing.

    Raises:
        ModelError: the networks are missing, or the identity was made for others.
        InputError: the identity cannot be read.
        DeviceError: they do not run on the asked-for device.
    """
    if job.neural == OFF:
        return None
    folder = Path(job.models) if job.models else None
    identity = None
    if job.identity is not None:
        network = load_registry(folder).models[names(job.neural)[1]].sha256
        identity = load_identity(Path(job.identity), network=network)
    nets = CorrectionNets.open(job.neural, folder, job.device, threads=job.threads, identity=identity)
    report(Log(f"Frames are corrected by the “{job.neural}” networks on {nets.device}."))
    return Corrector(nets, portrait, code=identity.code if identity else None)


def corrected(
    corrector: Corrector, placed: Placed, passes: Sequence[str], *, smooth_edges: bool = True
) -> dict[str, Float32]:
    """A whole frame's passes, corrected. Those that say where colours come from (UV, Vector) stay the engine's."""
    needed = [*dict.fromkeys((*passes, "Combined", "Matte"))]
    made = render_rows(placed, 0, corrector.portrait.height, passes=needed, smooth_edges=smooth_edges).passes
    corrector.correct(placed, made["Combined"], made["Matte"][..., 0])
    return {name: made[name] for name in passes}


def embedding(nets: CorrectionNets, sources: list[Float32]) -> Float32:
    """The mean of what the network says of one or several pictures of a person, (1, K).

    sources: (head, head, 4) each, `features.Still.source`.
    """
    both = [np.stack([source, mirrored_source(source)]).transpose(0, 3, 1, 2) for source in sources]
    codes = [nets.person({"source": np.ascontiguousarray(each, np.float32)})[0] for each in both]
    return np.asarray(np.mean(codes, axis=0), np.float32)


def _upright(answer: list[Float32]) -> Float32:
    """flow, tone, paint of one part at the size of paint, channels last: (N, size, size, 12)."""
    size = answer[2].shape[-1]
    grown = []
    for flow, tone, paint in zip(*answer, strict=True):
        parts = [pixels.resize(p.transpose(1, 2, 0).copy(), size, size, method="linear") for p in (flow, tone)]
        grown.append(np.concatenate([*parts, paint.transpose(1, 2, 0)], axis=2))
    return np.ascontiguousarray(grown, np.float32)


def _into(crop: Crop) -> Float32:
    """(2, 3): pixels of the picture → 0..1 within the crop."""
    return np.ascontiguousarray(crop.from_picture() / crop.size, np.float32)


def _box(crop: Crop, width: int, height: int) -> tuple[int, int, int, int]:
    """The whole pixels of a picture that an upright crop covers."""
    low = crop.to_picture[:, 2]
    high = low + crop.to_picture[:, :2] @ [crop.size, crop.size]
    x0, y0 = (int(k) for k in np.clip(np.floor(low), 0, (width - 1, height - 1)))
    x1, y1 = (int(k) for k in np.clip(np.ceil(high), (x0 + 1, y0 + 1), (width, height)))
    return x0, y0, x1, y1


def _plate(portrait: Portrait, box: tuple[int, int, int, int]) -> Float32:
    """What lies behind the person within a box, (h, w, 4)."""
    x0, y0, x1, y1 = box
    behind = portrait.source[y0:y1, x0:x1].copy()
    wx0, wy0, wx1, wy1 = (int(k) for k in portrait.layers.window)
    left, top, right, bottom = max(x0, wx0), max(y0, wy0), min(x1, wx1), min(y1, wy1)
    if right > left and bottom > top:
        behind[top - y0 : bottom - y0, left - x0 : right - x0] = portrait.layers.plate[
            top - wy0 : bottom - wy0, left - wx0 : right - wx0
        ]
    return behind
