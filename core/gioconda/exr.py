"""Multilayer EXR, written band by band and read back. OpenImageIO does the format.

One part, one layer: `VL.Combined.R/G/B/A`, `VL.Depth.Z`, `VL.Vector.X/Y/Z/W`, `VL.UV.U/V/A`, mattes `VL.<Name>.A`.
That is what Blender 4.2 to 5.2 read without surprises and what Nuke shows as layers. With `layer=""` the names stand
bare (`R G B A`, `Depth.Z` …): viewers that know no layers then show the picture.

Files are written whole or not at all, and the same pixels and header always give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from .atomic import unwritable, whole_file
from .errors import OutputError, PictureError, SettingsError
from .exr_chunks import has_every_chunk
from .rate import exact_rate

Floats = NDArray[np.float32]
Header = Mapping[str, str | int | float | Fraction]

DEFAULT_LAYER = "VL"
DEFAULT_COMPRESSION = "zip"
# lossless on every kind of channel; dwaa and dwab bend channels called R, G, B and Y, so Vector.Y too
LOSSLESS = ("none", "rle", "zip", "zips", "piz")
LOSSY = ("dwaa", "dwab")
COLOUR_PASSES = ("Combined", "Plate")
_LETTERS = {"Combined": "RGBA", "Plate": "RGBA", "Depth": "Z", "Vector": "XYZW", "UV": "UVA"}
FLOAT32_PASSES = ("UV",)  # half has steps of a whole pixel on the right side of a 2048 picture
HALF_MAX = 65504.0
_REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)

# https://cv.iptc.org/newscodes/digitalsourcetype/ : "mix or composite of several elements, at least one of which is
# synthetic media". A still's own pixels moved by a model, with a mouth and eyes filled in, is that. (It is not
# trainedAlgorithmicMedia: nothing is made from nothing by a trained model. Once a network paints pixels, the right
# one is COMPOSITE_WITH_NETWORK.)
COMPOSITE_SYNTHETIC = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"
COMPOSITE_WITH_NETWORK = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
STATEMENT = "Synthetic media: a still portrait animated by software. The person did not make this performance."


def letters_of(name: str) -> str:
    """The channel letters of a pass: RGBA, Z, XYZW, UVA; A for every matte."""
    return _LETTERS.get(name, "A")


def channel_names(passes: Sequence[str], layer: str = DEFAULT_LAYER) -> list[str]:
    """Full channel names in the order of the passes."""
    names = []
    for name in passes:
        stem = f"{layer}.{name}." if layer else ("" if name == "Combined" else f"{name}.")
        names += [stem + letter for letter in letters_of(name)]
    return names


def provenance(
    *,
    software: str,
    frame: int,
    fps: float,
    pixel_aspect: float = 1.0,
    source_sha256: str = "",
    motion_sha256: str = "",
    settings: Mapping[str, Any] | None = None,
    job: str = "",
    digital_source_type: str = COMPOSITE_SYNTHETIC,
) -> dict[str, str | int | float | Fraction]:
    """The header of one frame. `job`: a hash of everything the pixels depend on; `--resume` compares it.

    No dates, no machine names: a frame rendered twice is the same file.
    """
    header: dict[str, str | int | float | Fraction] = {
        "Software": software,
        "comments": STATEMENT,
        "Iptc4xmpExt:DigitalSourceType": digital_source_type,
        "imageCounter": frame,
        "PixelAspectRatio": float(pixel_aspect),
        "gioconda:source": source_sha256,
        "gioconda:motion": motion_sha256,
        "gioconda:settings": json.dumps(settings or {}, sort_keys=True, separators=(",", ":"), default=str),
        "gioconda:job": job,
    }
    if fps > 0:
        header["framesPerSecond"] = exact_rate(fps)
    return header


class ExrWriter:
    """One EXR frame, top to bottom.

        with ExrWriter(path, width, height, ["Combined", "UV"], header=header) as exr:
            exr.write_rows(0, {"Combined": (rows, W, 4) float32, "UV": (rows, W, 3) float32})

    Leaving the block after an exception, or before the last row, leaves no file. Bands of a multiple of 16 rows are the
    fastest. Rows are converted on the calling thread and compressed without the interpreter's lock.
    """

    def __init__(
        self,
        path: Path | str,
        width: int,
        height: int,
        passes: Sequence[str],
        *,
        header: Header | None = None,
        float32: Collection[str] = FLOAT32_PASSES,
        compression: str = DEFAULT_COMPRESSION,
        layer: str = DEFAULT_LAYER,
    ) -> None:
        """float32: the passes kept at 32 bits, the others are half; `("all",)` keeps everything.

        compression: none, rle, zip, zips, piz; zip and zips take a level, `zip:2`. dwaa and dwab, which lose
        precision, only where every pass is colour. Raises: SettingsError.
        """
        check_compression(compression, passes)
        self.path = Path(path)
        self.passes = tuple(passes)
        self._wide = tuple("all" in float32 or name in float32 for name in passes)
        self._size = (width, height)
        self._next_row = 0
        self._spec = _spec(width, height, channel_names(passes, layer), self._sample_types(), compression, header or {})
        self._cleanup = ExitStack()
        self._part = self.path
        self._out: Any = None
        self._band: NDArray[Any] | None = None

    def __enter__(self) -> ExrWriter:
        self._part = self._cleanup.enter_context(whole_file(self.path))
        self._out = oiio.ImageOutput.create("openexr")
        if not self._out.open(str(self._part), self._spec):
            error = unwritable(self.path, self._out.geterror())
            self._cleanup.__exit__(type(error), error, None)
            raise error
        return self

    def write_rows(self, y0: int, passes: Mapping[str, NDArray[Any]]) -> None:
        """The next rows, from y0 on: pass name -> (rows, W, C) or, for one channel, (rows, W), float32.

        Values beyond half's range become its largest (65504) where a pass is stored as half. Raises: OutputError.
        """
        rows = passes[self.passes[0]].shape[0]
        if y0 != self._next_row or y0 + rows > self._size[1]:
            raise ValueError(f"rows {y0}..{y0 + rows} do not follow row {self._next_row} of {self._size[1]}")
        band = self._pack(rows, passes)
        if not self._out.write_scanlines(y0, y0 + rows, 0, band):
            raise unwritable(self.path, self._out.geterror())
        self._next_row = y0 + rows

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        closed = self._out.close()
        if error is None:
            try:
                self._check_complete(closed)
            except OutputError as incomplete:
                self._cleanup.__exit__(type(incomplete), incomplete, None)
                raise
        self._cleanup.__exit__(kind, error, trace)

    def _check_complete(self, closed: bool) -> None:
        if self._next_row != self._size[1]:
            raise OutputError(f"Cannot write {self.path}: only {self._next_row} of {self._size[1]} rows were rendered.")
        if not closed or self._out.has_error:
            raise unwritable(self.path, self._out.geterror())
        # a full disk can swallow the last bytes without a word from the library
        if not has_every_chunk(self._part):
            raise unwritable(self.path, "")

    def _sample_types(self) -> list[str]:
        types = []
        for name, wide in zip(self.passes, self._wide, strict=True):
            types += ["float" if wide else "half"] * len(letters_of(name))
        return types

    def _pack(self, rows: int, passes: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """All passes side by side, (rows, W, channels): float16 where every pass is half, else float32."""
        width = self._size[0]
        dtype = np.float32 if any(self._wide) else np.float16
        if self._band is None or self._band.shape[0] != rows:
            self._band = np.empty((rows, width, self._spec.nchannels), dtype)
        at = 0
        for name, wide in zip(self.passes, self._wide, strict=True):
            count = len(letters_of(name))
            values = np.asarray(passes[name]).reshape(rows, width, count)
            place = self._band[..., at : at + count]
            if wide:
                place[...] = values
            else:
                np.clip(values, -HALF_MAX, HALF_MAX, out=place, casting="same_kind")
            at += count
        return self._band


def check_compression(compression: str, passes: Sequence[str]) -> None:
    """Raises: SettingsError for an unknown compression, or one that would spoil data passes."""
    name, _, level = compression.partition(":")
    if name in LOSSLESS and (not level or level.isdigit()):
        return
    data = [one for one in passes if one not in COLOUR_PASSES]
    if name in LOSSY and not data:
        return
    if name in LOSSY:
        raise SettingsError(
            f"The compression {name} loses precision, which spoils the passes {', '.join(data)}; "
            "choose zip or piz, or write Combined alone."
        )
    known = ", ".join(LOSSLESS + LOSSY)
    raise SettingsError(f"There is no EXR compression {compression!r} here; choose one of {known} (or zip:1 to zip:9).")


def _spec(width: int, height: int, names: list[str], types: list[str], compression: str, header: Header) -> Any:
    mixed = len(set(types)) > 1
    spec = oiio.ImageSpec(width, height, len(names), "half" if mixed else types[0])
    spec.channelnames = tuple(names)
    if mixed:
        spec.channelformats = tuple(oiio.TypeDesc(one) for one in types)
    spec.attribute("compression", compression)
    spec.attribute("chromaticities", "float[8]", _REC709)
    spec.attribute("DateTime", "")  # else OpenImageIO writes today's date, and the bytes differ
    for key, value in header.items():
        if isinstance(value, Fraction):
            spec.attribute(key, "rational", (value.numerator, value.denominator))
        else:
            spec.attribute(key, value)
    return spec


# Reading back ---------------------------------------------------------------------------------------------------------


def read_exr(path: Path | str) -> tuple[dict[str, Floats], dict[str, Any]]:
    """A file of `ExrWriter` or a similar one: pass name -> (H, W, C) float32 in the order of its letters; the header.

    Raises: PictureError for a file that is missing, damaged or no EXR.
    """
    path = Path(path)
    source = _open(path)
    spec = source.spec()
    stored = source.read_image(0, 0, 0, spec.nchannels, "float")
    problem = source.geterror()
    source.close()
    if stored is None:
        raise PictureError(f"{path} is damaged or incomplete ({problem.strip()}); render that frame again.")
    pixels = np.asarray(stored, np.float32).reshape(spec.height, spec.width, spec.nchannels)
    places = _places(spec.channelnames)
    return {name: np.ascontiguousarray(pixels[..., at]) for name, at in places.items()}, _header_of(spec)


def is_whole(path: Path | str, expected: Header | None = None, *, decode: bool = True) -> bool:
    """Whether a frame is there, complete and made with this header: `expected` must be a part of what the file says.

    decode: also decompress every row (about as long as reading the frame); without it the file's table of chunks is
    checked against its length, which finds every file that was cut off.
    """
    path = Path(path)
    if not path.is_file() or not has_every_chunk(path):
        return False
    try:
        source = _open(path)
    except PictureError:
        return False
    try:
        spec = source.spec()
        header = _header_of(spec)
        if any(not _same(header.get(key), value) for key, value in (expected or {}).items()):
            return False
        for y in range(0, spec.height, 64) if decode else ():
            rows = source.read_scanlines(0, 0, y, min(y + 64, spec.height), 0, 0, spec.nchannels, "unknown")
            if rows is None or source.has_error:
                return False
        return True
    finally:
        source.close()


def _open(path: Path) -> Any:
    if not path.is_file():
        raise PictureError(f"There is no file {path}; check the path.")
    oiio.geterror()
    source = oiio.ImageInput.open(str(path))
    if source is None or source.format_name() != "openexr":
        raise PictureError(
            f"{path} is not an EXR file that can be read ({oiio.geterror().strip() or 'another format'})."
        )
    return source


def _places(names: Sequence[str]) -> dict[str, list[int]]:
    """Pass name -> where its channels are, in the order of its letters."""
    found: dict[str, dict[str, int]] = {}
    for index, full in enumerate(names):
        *parts, letter = full.split(".")
        name = parts[-1] if parts else ("Depth" if letter == "Z" else "Combined")
        found.setdefault(name, {})[letter] = index
    order = "RGBXYZWUVA"
    return {name: [at[one] for one in sorted(at, key=lambda c: order.find(c))] for name, at in found.items()}


def _header_of(spec: Any) -> dict[str, Any]:
    header = {attribute.name: attribute.value for attribute in spec.extra_attribs}
    # OpenImageIO's names for what we wrote as something else
    header["comments"] = header.pop("ImageDescription", "")
    rate = header.pop("FramesPerSecond", None) or header.get("framesPerSecond")
    if rate:
        header["framesPerSecond"] = Fraction(*rate)
    return header


def _same(found: Any, wanted: str | int | float | Fraction) -> bool:
    if isinstance(wanted, float):
        return found is not None and np.float32(found) == np.float32(wanted)
    return bool(found == wanted) or (found is None and wanted == "")  # empty strings are not stored
