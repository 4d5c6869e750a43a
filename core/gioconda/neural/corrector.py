"""A network's corrections on finished frames: open the nets once, look at a portrait once, correct any frame of it.

    nets = CorrectionNets.open("fast", folder)
    corrector = Corrector(nets, portrait)
    passes = corrected_frame(corrector, posed, ("Combined", "UV"))  # the engine's own at the identity pose

What a network has not learned to improve it leaves alone: corrections fade in with the distance from the pose at rest,
so that undriven frames stay the source's own pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..engine import Portrait, PosedPortrait, render_rows
from ..engine.mesh import smoothstep
from ..errors import ModelError
from ..job.job import Job
from ..models.registry import load_registry, models_folder
from ..models.runtime import Session
from ..worker.messages import Log, Report
from . import features
from .apply import Corrections, box_of, corrections
from .choice import OFF, files, names
from .crop_sampler import Looking
from .crops import FAST, Sizes
from .network_inputs import feeds, mirrored_source
from .person import Identity, load_identity

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
        cls,
        quality: str,
        folder: Path | None = None,
        device: str = "auto",
        *,
        threads: int | None = None,
        identity: Identity | None = None,
    ) -> CorrectionNets:
        """Open both of a quality, one of `quality.QUALITIES`, with what an identity changes of their weights.

        Raises:
            ModelError: a network is missing, is not the expected one, or does not fit into memory; the identity does
                not fit the network.
            DeviceError: the asked-for device does not work here.
        """
        person, frame = files(quality, models_folder(folder))
        return cls.from_files(person, frame, device, threads=threads, identity=identity)

    @classmethod
    def from_files(
        cls,
        person: Path,
        frame: Path,
        device: str = "auto",
        *,
        threads: int | None = None,
        identity: Identity | None = None,
    ) -> CorrectionNets:
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
        self.box = tuple(int(k) for k in box_of(self.still.head, portrait.width, portrait.height))

    def share(self, posed: PosedPortrait) -> float:
        """How much of its corrections a frame gets, 0..1, by how far it is from rest."""
        strength = 0.0 if posed.pose.is_identity else features.movement(self.portrait, posed) / BEGIN
        return float(np.float32(smoothstep(np.array(strength))))

    def looking(self, posed: PosedPortrait) -> Looking:
        """What has to see a frame's rows before `corrections`."""
        crops = features.crops_now(self.portrait, self.still, posed)
        return Looking(crops, self.portrait.width, self.portrait.height)

    def corrections(self, posed: PosedPortrait, looking: Looking, share: float) -> Corrections:
        """What is to be done to a frame that `looking` has seen.

        Raises:
            ModelError: the networks answer with no numbers, or memory does not suffice for them.
        """
        views = features.views(self.portrait, self.still, posed, looking)
        answers = self.nets.frame(feeds(views, features.numbers(self.portrait, posed), self.code))
        # eyes and lips that keep still on a turning head are the portrait's own: the engine shows them as they are
        *moved, apart = features.own_movement(self.portrait, posed)
        lips, left, right = smoothstep(np.array(moved) / OWN)
        lips *= 1 - smoothstep(np.array((apart - WIDE) / WIDE_SPAN))
        both = np.array([left, right], np.float32)[:, None, None, None]
        answers[3:6] = [np.float32(lips) * answer for answer in answers[3:6]]
        answers[6:9] = [both * answer for answer in answers[6:9]]
        where = np.float32(share) * features.allowed(views[0])
        return corrections(self.portrait, self.still, looking.crops, answers, where)

    def apply(self, posed: PosedPortrait, drawn: dict[str, Float32]) -> dict[str, Float32]:
        """The passes of a whole frame, Combined and Matte among them, corrected: new arrays where they change.

        Raises:
            ModelError: as `corrections`.
        """
        share = self.share(posed)
        if share == 0:
            return drawn
        looking = self.looking(posed)
        looking.take(0, drawn["Combined"], drawn["Matte"][..., 0])
        return self.corrections(posed, looking, share).lay(0, self.portrait.height, drawn, 0)


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
    identity = identity_of(job)
    nets = CorrectionNets.open(job.neural, folder, job.device, threads=job.threads, identity=identity)
    report(Log(f"Frames are corrected by the “{job.neural}” networks on {nets.device}."))
    return Corrector(nets, portrait, code=identity.code if identity else None)


def identity_of(job: Job) -> Identity | None:
    """What a settled job's networks learned of the person, where the job names a file of it.

    Raises:
        ModelError: models.yaml is missing or broken, or the identity was made for other networks.
        InputError: it cannot be read.
    """
    if job.identity is None:
        return None
    models = load_registry(job.models)
    return load_identity(Path(job.identity), network=models[names(job.neural)[1]].sha256)


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


def embedding(nets: CorrectionNets, sources: list[Float32]) -> Float32:
    """The mean of what the network says of one or several pictures of a person, (1, K).

    sources: (head, head, 4) each, `features.Still.source`.
    """
    both = [np.stack([source, mirrored_source(source)]).transpose(0, 3, 1, 2) for source in sources]
    codes = [nets.person({"source": np.ascontiguousarray(each, np.float32)})[0] for each in both]
    return np.asarray(np.mean(codes, axis=0), np.float32)
