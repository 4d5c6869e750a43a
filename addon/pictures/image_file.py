"""An image of Blender as a file the core can read, as Blender sees it: packed, generated, painted on, turned …

Whatever an artist can put into the portrait's field gives either a file with its colour space or one sentence.
"""

import hashlib
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ...core.gioconda.errors import PictureError
from ...core.gioconda.files import make_folder, whole_file
from .tiff import write_tiff

# What Blender's names of colour spaces are to the core. Non-Color and Working Space are used as they are.
SPACES = {
    "sRGB": "srgb",
    "Linear Rec.709": "linear",
    "Linear": "linear",
    "Non-Color": "linear",
    "Raw": "linear",
    "Working Space": "linear",
}

WHY_NOT = {
    "MOVIE": "is a movie: choose a still picture (save the frame you want as an image)",
    "SEQUENCE": "is an image sequence: choose a single picture",
    "TILED": "is a set of UDIM tiles: choose a single picture",
    "VIEWER": "is what Blender renders right now: save it as an image and choose that",
}


@dataclass(frozen=True)
class Source:
    """A picture for the core: its file, the colour space its values are in, the OpenColorIO configuration for that."""

    path: Path
    colorspace: str
    ocio: str | None = None


def source_of(image: bpy.types.Image | None, folder: Path, *, what: str = "portrait") -> Source:
    """The image as a file, its own or one written into `folder`. `what`: what the picture is for, for the sentence.

    Raises: PictureError: it has no pixels that could be used, with what to do. OutputError: `folder` cannot be written.
    """
    if image is None:
        raise PictureError(f"There is no {what}: choose a picture in the Gioconda panel.")
    if image.source in WHY_NOT or image.type in ("RENDER_RESULT", "COMPOSITING"):
        reason = WHY_NOT.get(image.source, WHY_NOT["VIEWER"])
        raise PictureError(f"The {what} “{image.name}” {reason}.")
    if image.source == "GENERATED" or image.is_dirty:
        return _written(image, folder, what)
    path = _on_disk(image, what) if image.packed_file is None else _unpacked(image, folder)
    if image.alpha_mode in ("NONE", "CHANNEL_PACKED") and image.depth in (32, 64, 128) or is_turned(path):
        return _written(image, folder, what)  # the core would see it otherwise than Blender does
    return Source(path, *space_of(image.colorspace_settings.name))


def space_of(name: str) -> tuple[str, str | None]:
    """Blender's name of a colour space → the core's name, and the configuration that knows it where one is needed."""
    if name in SPACES:
        return SPACES[name], None
    own = Path(bpy.utils.resource_path("LOCAL")) / "datafiles" / "colormanagement" / "config.ocio"
    return name, os.environ.get("OCIO") or str(own)


def _on_disk(image: bpy.types.Image, what: str) -> Path:
    if image.filepath.startswith("//") and not bpy.data.filepath and image.library is None:
        raise PictureError(
            f"The {what} “{image.name}” is at {image.filepath}, beside a .blend that was never saved: "
            "save the .blend, or choose the picture again."
        )
    path = Path(os.path.normpath(bpy.path.abspath(image.filepath, library=image.library)))
    if not image.filepath or not path.is_file():
        raise PictureError(f"The {what} “{image.name}” is not at {path}: choose it again, or pack it into the .blend.")
    return path


def _unpacked(image: bpy.types.Image, folder: Path) -> Path:
    """The packed file as it was, under a name that changes with what is in it."""
    data = image.packed_file.data
    suffix = Path(bpy.path.basename(image.filepath)).suffix.lower() or f".{image.file_format.lower()}"
    path = folder / f"{_stem(image)}-{_digest(data)}{suffix}"
    if not path.is_file() or path.stat().st_size != len(data):
        with whole_file(path) as part:
            part.write_bytes(data)
    return path


def _written(image: bpy.types.Image, folder: Path, what: str) -> Source:
    """The pixels Blender has, as they are: 8-bit ones in the image's colour space, float ones scene-linear."""
    width, height = image.size
    if not width * height or len(image.pixels) == 0:
        raise PictureError(f"The {what} “{image.name}” has no pixels: choose another, or load it again.")
    if image.channels not in (1, 3, 4):
        raise PictureError(f"The {what} “{image.name}” has {image.channels} channels: choose one with colour.")
    values = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(values)
    values = values.reshape(height, width, image.channels)[::-1]
    pixels = np.ones((height, width, 4), np.float32)
    pixels[..., :3] = values[..., :3]
    if image.channels == 4 and image.alpha_mode not in ("NONE", "CHANNEL_PACKED"):
        pixels[..., 3] = values[..., 3]
    space, ocio = ("linear", None) if image.is_float else space_of(image.colorspace_settings.name)
    stored = pixels if image.is_float else np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    path = folder / f"{_stem(image)}-{_digest(stored.tobytes())}.tif"
    if not path.is_file():
        make_folder(folder)
        write_tiff(path, stored)
    return Source(path, space, ocio)


def _stem(image: bpy.types.Image) -> str:
    return re.sub(r"[^\w-]+", "_", Path(image.name).stem)[:40] or "portrait"


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=6).hexdigest()


def is_turned(path: Path) -> bool:
    """Whether a JPEG says that it is to be turned (EXIF orientation): Blender shows it as it is stored."""
    if path.suffix.lower() not in (".jpg", ".jpeg"):
        return False
    try:
        with path.open("rb") as file:
            head = file.read(65536)
    except OSError:
        return False
    at = head.find(b"Exif\0\0")
    if at < 0 or at + 14 > len(head):
        return False
    tiff = head[at + 6 :]
    order = "<" if tiff[:2] == b"II" else ">"
    try:
        (table,) = struct.unpack_from(order + "L", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, table)
        for i in range(count):
            tag, _kind, _count, value = struct.unpack_from(order + "HHLH", tiff, table + 2 + 12 * i)
            if tag == 0x0112:
                return value not in (0, 1)
    except struct.error:
        return False
    return False
