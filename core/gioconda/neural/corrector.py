"""A network's corrections on finished frames: open the nets once, look at a portrait once, correct any frame of it.

    nets = CorrectionNets.from_files(*files("fast", folder))
    corrector = Corrector(nets, portrait)
    passes = corrected_frame(corrector, posed, ("Combined", "UV"))  # the engine's own at the identity pose

Corrections fade in with the distance from the still portrait, so that frames that do not move keep the source's pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ..arrays import Float, Float32
from ..engine import Portrait, PosedPortrait, render_rows
from ..engine.kernels import smoothstep
from ..engine.network_channels import PARTS
from ..errors import ModelError
from ..job.job import Job
from ..models.registry import load_registry, models_folder
from ..models.runtime import Session
from ..worker.messages import Log, Report
from . import features
from .apply import Corrections, corrections
from .choice import OFF, files, names
from .crop_sampler import CropSampler
from .crops import FAST, Sizes
from .network_inputs import channels_first, mirrored_source, network_inputs
from .person import Person, load_person

Run = Callable[[dict[str, Float32]], list[Float32]]

FULL_STRENGTH = 0.03  # head units: from this movement of any landmark on, corrections have their full strength
OWN_FULL_STRENGTH = 0.03  # head units: the same for how lips and eyes move on the skull
WIDE, WIDE_SPAN = 0.3, 0.12  # head units: corrections of the lips fade out: no mouth it learned from was open wider
TURNED, TURNED_SPAN = 14.0, 9.0  # degrees of the skull since the portrait: beyond what was learned from, they fade out
# An eye that is open while the other shuts: by how much more of what it is open in the portrait corrections fade out.
WINK, WINK_SPAN = 0.25, 0.3
_NO_MEMORY = ("failed to allocate", "bad allocation", "bad_alloc", "out of memory", "not enough memory")


@dataclass(frozen=True)
class CorrectionNets:
    """The two networks of a quality: one embeds the person (once a portrait), one corrects (every frame).

    Attributes:
        person: {"source": (2, 4, head, head): the head, and it mirrored} → [embedding (1, K)].
        frame: the inputs of `network_inputs` → `network_channels.OUTPUTS`.
        device: where they run.
        sizes: of the crops they see.
    """

    person: Run
    frame: Run
    device: str
    sizes: Sizes = FAST

    @classmethod
    def from_files(
        cls,
        person: Path,
        frame: Path,
        device: str = "auto",
        *,
        threads: int | None = None,
        known: Person | None = None,
    ) -> CorrectionNets:
        """Open both, as `choice.files` finds them, with what a person file changes of their weights.

        Raises:
            ModelError: a network does not fit into memory, or the person file not to the network.
            DeviceError: the asked-for device does not work here.
        """
        with _memory(frame, device):
            embeds = Session(person, device, threads=threads)
            corrects = Session(frame, device, threads=threads, changes=known.changes if known else None)
        if known is not None and corrects.inputs["code"][1] != known.embedding.shape[1]:
            raise ModelError(f"The identity does not fit {frame}: make it anew with `gioconda personalise`.")
        return cls(
            _memory(person, embeds.device)(embeds.run),
            _memory(frame, corrects.device)(corrects.run),
            corrects.device,
            _sizes_of(corrects, frame),
        )


@contextmanager
def _memory(path: Path, device: str) -> Iterator[None]:
    """Around a block or a function. Raises: ModelError, for ONNX Runtime's errors that mean too little memory."""
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
    """The sides of the crops that a network wants to see. Raises: ModelError."""
    sides = [session.inputs.get(f"{part}_colours", [])[-1:] for part in PARTS]
    if not all(side and isinstance(side[0], int) for side in sides):
        raise ModelError(f"The model {path} is no network of corrections: its inputs say no sizes.")
    return Sizes(*(int(side[0]) for side in sides))


class Corrector:
    """The corrections of one portrait."""

    def __init__(self, nets: CorrectionNets, portrait: Portrait, *, embedding: Float32 | None = None) -> None:
        """embedding: (1, K), the person's, when it is known better than from this one picture."""
        self.nets, self.portrait = nets, portrait
        self.still = features.still(portrait, nets.sizes)
        self.embedding = embedding if embedding is not None else embed(nets, [self.still.head_rgba])
        self.box = self.still.head.covered(portrait.width, portrait.height)

    def strength(self, posed: PosedPortrait) -> float:
        """How much of its corrections a frame gets, 0..1: none at rest, and none of a head that is turned far."""
        if posed.pose.is_identity:
            return 0.0
        moved = smoothstep(features.movement(self.portrait, posed) / FULL_STRENGTH)
        turned = smoothstep((features.skull_turn(self.portrait, posed) - TURNED) / TURNED_SPAN)
        return float(np.float32(moved * (1 - turned)))

    def detail_strengths(self, posed: PosedPortrait) -> Float:
        """The same for lips, left and right eye, (3,): those that keep still on a turning head are the portrait's own,
        and the engine shows them as they are."""
        *moved, apart = features.movement_on_skull(self.portrait, posed)
        strengths = smoothstep(np.array(moved) / OWN_FULL_STRENGTH)
        strengths[0] *= 1 - smoothstep((apart - WIDE) / WIDE_SPAN)
        left, right = features.opened(self.portrait, posed)
        strengths[1:] *= 1 - smoothstep((np.array([left - right, right - left]) - WINK) / WINK_SPAN)
        return strengths

    def sampler(self, posed: PosedPortrait) -> CropSampler:
        """What needs a frame's rows before `corrections`."""
        crops = features.frame_crops(self.portrait, self.still, posed)
        return CropSampler(crops, self.portrait.width, self.portrait.height)

    def corrections(self, posed: PosedPortrait, sampler: CropSampler, strength: float) -> Corrections:
        """What is to be done to a frame whose rows `sampler` has got.

        Raises: ModelError: the networks give values that are no numbers, or memory does not suffice for them.
        """
        views = features.views(self.portrait, self.still, posed, sampler)
        outputs = self.nets.frame(network_inputs(views, features.numbers(self.portrait, posed), self.embedding))
        strengths = self.detail_strengths(posed).astype(np.float32)[:, None, None, None]
        outputs[3:6] = [strengths[:1] * output for output in outputs[3:6]]
        outputs[6:9] = [strengths[1:] * output for output in outputs[6:9]]
        mask = np.float32(strength) * features.correction_mask(views[0])
        mask *= features.uncovered(self.still, views[0].geometry)
        return corrections(self.portrait, self.still, sampler.crops, outputs, mask)

    def apply(self, posed: PosedPortrait, drawn: dict[str, Float32]) -> dict[str, Float32]:
        """The passes of a whole frame, Combined and Matte among them, corrected: new arrays where they change.

        Raises: ModelError: as `corrections`.
        """
        strength = self.strength(posed)
        if strength == 0:
            return drawn
        sampler = self.sampler(posed)
        sampler.add_rows(0, drawn["Combined"], drawn["Matte"][..., 0])
        return self.corrections(posed, sampler, strength).apply(0, self.portrait.height, drawn, 0)


def open_corrector(job: Job, portrait: Portrait, report: Report) -> Corrector | None:
    """The corrector that a resolved job asks for; None: none.

    Raises:
        ModelError: the networks are missing, or the person file was made for others.
        InputError: the person file cannot be read.
        DeviceError: they do not run on the asked-for device.
    """
    if job.neural == OFF:
        return None
    known = person_of(job)
    person, frame = files(job.neural, models_folder(job.models))
    nets = CorrectionNets.from_files(person, frame, job.device, threads=job.threads, known=known)
    report(Log(f"Frames are corrected by the “{job.neural}” networks on {nets.device}."))
    return Corrector(nets, portrait, embedding=known.embedding if known else None)


def person_of(job: Job) -> Person | None:
    """What a resolved job's networks learned of the person, where the job names a file of it.

    Raises:
        ModelError: models.yaml is missing or broken, or the person file was made for other networks.
        InputError: it cannot be read.
    """
    if job.identity is None:
        return None
    models = load_registry(job.models)
    return load_person(Path(job.identity), network=models[names(job.neural)[1]].sha256)


class FrameCorrector(Protocol):
    """Corrects whole frames: a `Corrector`, or an external engine."""

    def apply(self, posed: PosedPortrait, drawn: dict[str, Float32]) -> dict[str, Float32]: ...


def corrected_frame(
    corrector: FrameCorrector, posed: PosedPortrait, passes: Sequence[str], *, smooth_edges: bool = True
) -> dict[str, Float32]:
    """A whole frame's passes, corrected. Raises: ModelError, as the corrector's `apply`."""
    needed = [*dict.fromkeys((*passes, "Combined", "Matte"))]
    made = render_rows(posed, 0, posed.portrait.height, passes=needed, smooth_edges=smooth_edges).passes
    made = corrector.apply(posed, made)
    return {name: made[name] for name in passes}


def embed(nets: CorrectionNets, sources: list[Float32]) -> Float32:
    """The mean of the person's embeddings from one or several pictures, (1, K).

    sources: (head, head, 4) each, `features.Still.head_rgba`.
    """
    both = [channels_first(np.stack([source, mirrored_source(source)])) for source in sources]
    return np.asarray(np.mean([nets.person({"source": each})[0] for each in both], axis=0), np.float32)
