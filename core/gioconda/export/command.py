"""What `gioconda export` does: open the portrait as for renders, make the file, say on whose word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import OutputError, SettingsError
from ..files import whole_file, write_text
from ..imaging.exr import STATEMENT
from ..job.job import REST, Job
from ..job.retarget import RetargetSettings
from ..provenance.sign import source_type
from ..render.open_portrait import PortraitOpener
from ..worker.messages import Report, Stage
from .page import page_of
from .relief import relief_of
from .scene import to_glb

TEXTURE_SIZE = 2048  # pixels of a texture's longer side, at most
SMALLEST, LARGEST = 64, 8192


@dataclass(frozen=True)
class ExportSettings:
    """What an export is asked for, beside the portrait's job.

    Attributes:
        output: the file, .glb.
        texture_size: pixels of a texture's longer side, at most.
        background: whether the plate is part of it.
        edges: "blend" or "mask": how the edges of hair are drawn.
        page: write a page beside it that plays it; three: three.js' folder, for that.
        retarget: fields of `RetargetSettings`: gains.
    """

    output: str
    texture_size: int = TEXTURE_SIZE
    background: bool = True
    edges: str = "blend"
    page: bool = False
    three: str = "node_modules/three"
    retarget: Mapping[str, Any] = field(default_factory=dict)


def check(settings: ExportSettings) -> None:
    """Before any work. Raises: SettingsError, OutputError, InputError."""
    path = Path(settings.output)
    if path.suffix.lower() != ".glb":
        raise SettingsError(f"A portrait cannot be exported as {path.name}: name the output NAME.glb (binary glTF).")
    if not SMALLEST <= settings.texture_size <= LARGEST:
        raise SettingsError(f"--texture-size {settings.texture_size}: use {SMALLEST} to {LARGEST} pixels.")
    if path.is_dir():
        raise OutputError(f"Cannot write {path}: there is a folder of that name; give another name.")
    if settings.page:
        page_of(b"", "", Path(settings.three))


def export_job(portrait: str, **settings: Any) -> Job:
    """A job of a portrait alone; no network corrects anything in an export."""
    return replace(Job(portrait, REST, "export/####.exr"), **settings, neural="off")


def asset_of(job: Job, sha256: str) -> dict[str, Any]:
    """What the file says of itself: where it comes from, on whose word, that it is synthetic media."""
    consent = dict(job.consent or {})
    word = ": ".join(str(consent[name]) for name in ("right", "who", "text") if consent.get(name))
    facts = {
        "software": f"Gioconda {__version__}",
        "statement": STATEMENT,
        "digital_source_type": source_type(job),
        "consent": consent or None,
        "source": sha256,
    }
    return {"generator": f"Gioconda {__version__}", "copyright": f"{STATEMENT} {word}".strip(), "extras": facts}


def export(job: Job, settings: ExportSettings, report: Report) -> dict[str, Any]:
    """Make the file, and the page beside it. Returns what was made, as plain data.

    Raises: GiocondaError: the portrait cannot be opened, the settings cannot be, nothing can be written.
    """
    check(settings)
    opened = PortraitOpener().open(job, report)
    report(Stage("export", "Making meshes, morph targets and textures"))
    relief = relief_of(
        opened.portrait,
        opened.display,
        settings=RetargetSettings.from_dict(dict(settings.retarget)),
        texture_size=settings.texture_size,
        plate=settings.background,
    )
    glb = to_glb(relief, asset_of(job, opened.sha256), blend=settings.edges == "blend")
    path = Path(settings.output)
    with whole_file(path) as part:
        part.write_bytes(glb)
    made = [path]
    if settings.page:
        made.append(path.with_suffix(".html"))
        write_text(made[1], page_of(glb, path.stem, Path(settings.three)))
    vertices = sum(len(one.position) for one in relief.surfaces.values())
    text = f"{path}: {len(glb) / 1e6:.1f} MB, {vertices} vertices, {len(relief.surfaces['Face'].targets)} morph targets"
    text += f"; a page that plays it: {made[1]}" if settings.page else ""
    return {"files": [str(one) for one in made], "bytes": len(glb), "vertices": vertices, "text": text}
