"""Read a picture of any kind into scene-linear pixels; write PNG and JPEG. OpenImageIO does the formats.

What an artist may hand over: 8 or 16 bits, half or float; grey, palette, CMYK; straight or premultiplied alpha; turned
by EXIF; an EXR with layers or overscan; a few NaNs. What comes out is always the same: `Picture`. Whatever cannot be
used raises `PictureError` with a sentence; a damaged file is refused, never shown half grey.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from ..arrays import Array, Float32, UInt8
from ..errors import PictureError
from ..files import unwritable, whole_file
from .color import LINEAR, SRGB, is_linear, is_srgb, known_space, srgb_table, to_linear
from .color import Display as Display
from .color import choose_display as choose_display
from .color import display_srgb as display_srgb
from .encodings import FILM_LOG, Encoding, of_chromaticities, of_cicp, of_icc
from .exr_read import legible, said
from .layers import Layer, choose_layer

MAX_PIXELS = 150_000_000  # 2.4 GB as float RGBA
MAX_SIDE = 32_766  # OpenCV's resampling counts in 16 bits
# how many pixels a byte can hold at most: a flat JPEG needs a bit for each block of 64, deflate makes 1032 bytes of one
_DENSEST = {"jpeg": 3000, "png": 9000, "tiff": 9000, "bmp": 1200, "gif": 6000}
MAX_VALUES = 8 * MAX_PIXELS  # of all channels together
oiio.attribute("limits:imagesize_MB", 6000)  # what a file's header can make the library reserve
oiio.attribute("limits:channels", 256)
_NAMES_OF_KINDS = "JPEG, PNG, TIFF, WebP, AVIF, EXR or HDR"
_NATIVE = {"uint8": "uint8", "uint16": "uint16", "half": "half"}
_CAMERA_RAW = (".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2", ".pef", ".srw")  # these hold thumbnails
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")


@dataclass(frozen=True)
class Picture:
    """A still picture as the engine wants it."""

    pixels: Float32  # (H, W, 4) scene-linear Rec.709, premultiplied, upright; no NaN, no infinity
    has_alpha: bool  # False: alpha is 1 everywhere
    path: Path | None
    sha256: str  # of the file's bytes, hexadecimal
    colorspace: str  # what the file's values were taken for
    pixel_aspect: float  # width of a pixel divided by its height
    notes: tuple[str, ...] = ()  # what the user should know: sentences

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])


def read_picture(
    path: Path | str,
    *,
    colorspace: str = "auto",
    ocio_config: Path | str | None = None,
    layer: str | None = None,
) -> Picture:
    """Open a picture.

    colorspace: `auto` follows the file: its profile, primaries, codes or tag, else integers are sRGB and floats linear
    Rec.709; `srgb`; `linear`; or a name from the OpenColorIO config (`ocio_config`, else $OCIO, else the built-in one).
    layer: of a file with several layers or parts, by name; else the one that most likely is the picture.
    Raises: PictureError for a file that is missing, damaged, too large or no picture; SettingsError for a colour space
    that is not there.
    """
    path = Path(path)
    known = (_stamp(path), colorspace, str(ocio_config), layer)
    ahead = _read_ahead.pop(known, None)
    if ahead is not None:
        return ahead
    digest = _sha256(path)
    if _brand(path) is not None:
        return _read_avif(path, digest, colorspace, ocio_config, layer)
    source = _open(path)
    try:
        with legible(path):
            chosen, notes = choose_layer(path, source, layer)
        spec = chosen.spec
        _refuse_by_header(path, spec, source.format_name())
        colour, alpha = _read_stored(path, source, chosen)
        kind = source.format_name()
    finally:
        source.close()
    told = [*notes]
    with legible(path):
        space = _space_of(spec, kind, colour.dtype, colorspace, told)
    pixels = _linear_premultiplied(colour, alpha, space, ocio_config, straight=_is_straight(spec))
    if colour.dtype.kind == "f":
        _clean(pixels, told)
    pixels, outside = _in_display_window(pixels, spec)
    turned, sideways = _upright(pixels, spec.get_int_attribute("Orientation", 1))
    aspect = spec.get_float_attribute("PixelAspectRatio", 1.0)
    aspect = aspect if 0.1 < aspect < 10 else 1.0
    return Picture(
        pixels=np.ascontiguousarray(turned),
        has_alpha=(alpha is not None and bool(turned[..., 3].min() < 1)) or outside,
        path=path,
        sha256=digest,
        colorspace=space if isinstance(space, str) else space.name,
        pixel_aspect=1 / aspect if sideways else aspect,
        notes=tuple(told),
    )


_read_ahead: dict[Hashable, Picture] = {}  # at most one, until it is asked for


def judge_picture(
    path: Path | str,
    *,
    colorspace: str = "auto",
    ocio_config: Path | str | None = None,
    layer: str | None = None,
) -> None:
    """Whether a portrait's picture can be used, before anything slow is loaded. `read_picture` with the same words gets
    it without reading again. Raises: as `read_picture`; as `refuse_empty`.
    """
    picture = read_picture(path, colorspace=colorspace, ocio_config=ocio_config, layer=layer)
    refuse_empty(picture)
    _read_ahead.clear()
    _read_ahead[_stamp(Path(path)), colorspace, str(ocio_config), layer] = picture


def refuse_empty(picture: Picture) -> None:
    """Raises: PictureError: a portrait has nothing to show, and why."""
    if float(picture.pixels[..., 3].max()) <= 0:
        raise PictureError(
            f"{picture.path} is empty: its alpha is 0 everywhere; export it without alpha, or with the right one."
        )


def _stamp(path: Path) -> Hashable:
    """What a file is known by for a moment: its place, size and time."""
    try:
        found = path.stat()
    except OSError:
        return str(path)
    return str(path.absolute()), found.st_size, found.st_mtime_ns, found.st_ino


def write_png(path: Path | str, srgb: UInt8) -> None:
    """Write (H, W, 3) or (H, W, 4, straight alpha) or (H, W) uint8 sRGB as PNG. Raises: OutputError."""
    write_png_strips(path, srgb.shape[1], srgb.shape[0], [srgb])


def write_jpeg(path: Path | str, srgb: UInt8) -> None:
    """Write (H, W, 3) uint8 sRGB as JPEG. Raises: OutputError."""
    _write(path, "jpeg", srgb.shape[1], srgb.shape[0], [srgb], compression="jpeg:80")


def write_png_strips(path: Path | str, width: int, height: int, strips: Iterable[UInt8]) -> None:
    """A PNG too large to hold: strips of rows from the top, (rows, width, 3 or 4 with straight alpha) uint8 sRGB.

    Raises: OutputError.
    """
    # level 2 of 9: less than half the time of the usual 6, for 6 % more bytes
    _write(path, "png", width, height, strips, **{"png:compressionLevel": 2})


def _write(path: Path | str, kind: str, width: int, height: int, strips: Iterable[UInt8], **attributes: Any) -> None:
    path = Path(path)
    with whole_file(path) as part:
        out: Any = oiio.ImageOutput.create(kind)
        row, done = 0, True
        for strip in strips:
            rows = np.ascontiguousarray(np.atleast_3d(strip))
            if row == 0:
                spec = oiio.ImageSpec(width, height, rows.shape[2], "uint8")
                for name, value in {"oiio:ColorSpace": "sRGB", "oiio:UnassociatedAlpha": 1, **attributes}.items():
                    spec.attribute(name, value)
                done = out.open(str(part), spec)
            done = done and out.write_scanlines(row, row + len(rows), 0, rows)
            row += len(rows)
        done = out.close() and done
        if not done or out.has_error:
            raise unwritable(path, out.geterror())


def picture_size(path: Path | str, *, layer: str | None = None) -> tuple[int, int]:
    """(width, height) of a picture, upright, by its header alone. Raises: PictureError, as `read_picture`."""
    path = Path(path)
    _named_in_unicode(path)
    if not path.is_file():
        _sha256(path)  # says why
    if _brand(path) is not None:
        from .video import still_size  # loads FFmpeg

        return still_size(path)
    source = _open(path)
    try:
        with legible(path):
            spec = choose_layer(path, source, layer)[0].spec
        _refuse_by_header(path, spec, source.format_name())
        width, height = (spec.full_width, spec.full_height) if spec.full_width else (spec.width, spec.height)
        return (height, width) if spec.get_int_attribute("Orientation", 1) >= 5 else (width, height)
    finally:
        source.close()


# Reading --------------------------------------------------------------------------------------------------------------


def _named_in_unicode(path: Path) -> None:
    """Raises: PictureError: the file's name is no Unicode text, so that libraries and messages cannot hold it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        raise PictureError(f"The name of {shown} is not in UTF-8: rename the file.") from None


def _sha256(path: Path) -> str:
    _named_in_unicode(path)
    if path.is_dir():
        raise PictureError(f"{path} is a folder, not a picture; name a file in it.")
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise PictureError(f"There is no file {path}; check the path.") from error
    except OSError as error:
        raise PictureError(f"Cannot read {path}: {error.strerror or error}; check its permissions.") from error


def _open(path: Path) -> Any:
    wanted = oiio.ImageSpec()
    wanted.attribute("oiio:UnassociatedAlpha", 1)  # straight alpha stays straight: multiplied later, in linear light
    said(oiio)  # of others before
    source = oiio.ImageInput.open(str(path), wanted)
    if source is None:
        reason = _one_line(said(oiio))
        if "ubsampled channels" in reason:  # luminance and chroma: what only OpenEXR's older reader joins
            oiio.attribute("openexr:core", 0)
            try:
                source = oiio.ImageInput.open(str(path), wanted)
            finally:
                oiio.attribute("openexr:core", 1)
    if source is None:
        if path.stat().st_size == 0:
            raise PictureError(f"{path} is empty; export the picture again.")
        if _looks_like_a_picture(path):
            raise PictureError(f"{path} is damaged or incomplete ({reason}); export or download the picture again.")
        raise PictureError(f"{path} is not a picture that can be read; give a {_NAMES_OF_KINDS} file.")
    if path.suffix.lower() in _CAMERA_RAW:
        source.close()
        raise PictureError(f"{path} is a camera's raw file: develop it to a {_NAMES_OF_KINDS} file first.")
    return source


def _brand(path: Path) -> bytes | None:
    """The brand of an AVIF. Raises: PictureError: it is HEIC, which nothing here decodes."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError:
        return None  # told elsewhere
    if head[4:8] != b"ftyp":
        return None
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(int.from_bytes(head[:4]), 64), 4))]
    avif = next((brand for brand in brands if brand in (b"avif", b"avis")), None)
    if avif is None and any(brand in _HEIC for brand in brands):
        raise PictureError(f"{path} is a HEIC picture, which cannot be read here: export it as JPEG, PNG or AVIF.")
    return avif


def _read_avif(path: Path, digest: str, colorspace: str, ocio_config: Path | str | None, layer: str | None) -> Picture:
    if layer is not None:
        raise PictureError(f"{path} has no layers: leave --layer out.")
    from .video import read_still  # loads FFmpeg

    still, notes = read_still(path), list[str]()
    space: str | Encoding = colorspace
    if colorspace == "auto":
        space = _of_codes(still.primaries, still.transfer, notes)
    pixels = _linear_premultiplied(still.pixels, None, space, ocio_config, straight=True)
    name = space if isinstance(space, str) else space.name
    return Picture(np.ascontiguousarray(pixels), False, path, digest, name, 1.0, tuple(notes))


_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"MM\0*", b"RIFF", b"GIF8", b"v/1\x01", b"#?RADIANCE", b"BM")


def _looks_like_a_picture(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(12).startswith(_MAGIC)


def _one_line(message: str) -> str:
    return "; ".join(line.strip() for line in message.splitlines() if line.strip()) or "no reason given"


def _refuse_by_header(path: Path, spec: Any, kind: str) -> None:
    """Say no before anything is decoded: a few bytes can claim gigabytes."""
    if spec.full_width and not (
        max(spec.x, spec.full_x) < min(spec.x + spec.width, spec.full_x + spec.full_width)
        and max(spec.y, spec.full_y) < min(spec.y + spec.height, spec.full_y + spec.full_height)
    ):
        raise PictureError(
            f"{path} is empty: its pixels begin at x {spec.x}, y {spec.y}, all outside its display window of "
            f"{spec.full_width} × {spec.full_height} from x {spec.full_x}, y {spec.full_y}; export it again."
        )
    for width, height in ((spec.width, spec.height), (spec.full_width, spec.full_height)):
        if width * height > MAX_PIXELS:
            raise PictureError(
                f"{path} is {width} × {height} pixels, more than the {MAX_PIXELS // 1_000_000} million allowed; "
                "make it smaller or crop it."
            )
        if max(width, height) > MAX_SIDE:
            raise PictureError(f"{path} is {width} × {height} pixels; no side may be longer than {MAX_SIDE}: crop it.")
    if kind in _DENSEST and spec.width * spec.height > _DENSEST[kind] * path.stat().st_size:
        raise PictureError(
            f"{path} is damaged or incomplete: it is far too small for {spec.width} × {spec.height} pixels."
        )
    if spec.width * spec.height * spec.nchannels > MAX_VALUES or spec.depth > 1:
        raise PictureError(f"{path} has {spec.nchannels} channels in {spec.depth} layers, too much for a picture.")


def _read_stored(path: Path, source: Any, layer: Layer) -> tuple[Array, Array | None]:
    """The layer's own values: colour (h, w, 1 or 3) and alpha (h, w) or None; uint8, uint16, float16 or float32."""
    spec, kind = layer.spec, _NATIVE.get(str(layer.spec.format), "float")
    wanted = [*layer.colour, *(() if layer.alpha is None else (layer.alpha,))]
    first, end = min(wanted), max(wanted) + 1
    if source.format_name() != "openexr":  # other formats hold no more than this
        first, end = 0, spec.nchannels
    stored = source.read_image(layer.part, 0, first, end, kind)
    problem = said(source)
    if stored is None or "remature end" in problem or _jpeg_is_cut(path, source.format_name()):
        raise PictureError(
            f"{path} is damaged or incomplete ({_one_line(problem)}); export or download the picture again."
        )
    values = np.asarray(stored).reshape(spec.height, spec.width, end - first)
    colour = values[..., [index - first for index in layer.colour]]
    return colour, None if layer.alpha is None else values[..., layer.alpha - first]


def _jpeg_is_cut(path: Path, kind: str) -> bool:
    """Whether the end marker is missing after the picture data began; decoders fill such a picture up with grey."""
    if kind != "jpeg":
        return False
    data = path.read_bytes()
    at = 2
    while data[at : at + 1] == b"\xff" and at + 4 <= len(data):
        if data[at + 1] == 0xDA:
            return data.find(b"\xff\xd9", at) < 0
        if data[at + 1] == 0xFF:  # fill byte
            at += 1
            continue
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return False  # an unusual file that the decoder was content with


def _is_straight(spec: Any) -> bool:
    return bool(spec.get_int_attribute("oiio:UnassociatedAlpha", 0))


def _space_of(spec: Any, kind: str, dtype: np.dtype[Any], wanted: str, notes: list[str]) -> str | Encoding:
    """What the values mean: the name of a colour space, or what the file says of its own."""
    if wanted != "auto":
        return wanted
    profile, encoding = _profile_of(spec, notes)
    if dtype.kind == "f" and kind == "jpeg":
        notes.append("The picture is Ultra HDR: its gain map is applied, highlights go beyond white.")
        return LINEAR if encoding is None else encoding.without_curves()
    chromaticities = spec.getattribute("chromaticities")
    if dtype.kind == "f" and chromaticities is not None:
        encoding = of_chromaticities(tuple(float(value) for value in chromaticities))
        if encoding is None:
            notes.append("The primaries in the picture's header make no sense: taken for Rec.709.")
        elif not encoding.is_srgb_primaries:
            notes.append(f"The picture's primaries are {encoding.name}: converted from them.")
            return encoding
        return LINEAR
    codes = spec.getattribute("CICP")
    if codes is not None and len(codes) >= 2:
        return _of_codes(int(codes[0]), int(codes[1]), notes)
    tagged = spec.get_string_attribute("oiio:ColorSpace")
    if encoding is not None and dtype.kind == "f":  # a profile's curve is for what is shown: floats are light
        encoding = encoding.without_curves()
    if encoding is not None and not (encoding.is_srgb or (encoding.is_linear and encoding.is_srgb_primaries)):
        notes.append(f"The picture's profile is {profile}: converted from it.")
        return encoding
    if dtype.kind == "f":
        chosen = tagged if tagged and not is_linear(tagged) and known_space(tagged) else LINEAR
        # a float TIFF tagged sRGB by habit is still linear
        return LINEAR if is_srgb(chosen) else chosen
    if encoding is not None:
        return LINEAR if encoding.is_linear else SRGB
    if tagged.lower() in ("kodaklog", "cineon", "cineonlog", "kodaklogc") or "ogarithmic" in _transfer(spec):
        notes.append("The picture is film log (Cineon): made linear, 685 of 1023 is white.")
        return FILM_LOG
    if tagged and not known_space(tagged):
        notes.append(f"The picture is tagged {tagged}, which is unknown here: taken for sRGB (--colorspace NAME).")
    return tagged if tagged and known_space(tagged) else SRGB


def _transfer(spec: Any) -> str:
    """What a DPX says of its curve."""
    return str(spec.get_string_attribute("dpx:Transfer"))


def _profile_of(spec: Any, notes: list[str]) -> tuple[str, Encoding | None]:
    """The name of the file's ICC profile, and what it says; a profile that is not applied is noted."""
    stored = spec.getattribute("ICCProfile")
    name = str(spec.get_string_attribute("ICCProfile:profile_description"))
    if stored is None:
        return name, None
    encoding = of_icc(np.asarray(stored, np.uint8).tobytes(), name or "of its own")
    if encoding is None and not any(word in name.lower() for word in ("srgb", "grey", "gray")):
        called = name or "without a name"
        notes.append(f"The picture's colour profile ({called}) holds tables, which are not applied: taken for sRGB.")
    return name or "of its own", encoding


def _of_codes(primaries: int, transfer: int, notes: list[str]) -> str | Encoding:
    """What codes of ITU-T H.273 mean."""
    encoding = of_cicp(primaries, transfer)
    if encoding is None:
        notes.append(f"The picture's colour codes ({primaries}, {transfer}) are unknown: taken for sRGB.")
        return SRGB
    if encoding.is_srgb:
        return SRGB
    notes.append(f"The picture's values are {encoding.name}: converted from them.")
    return encoding


def _linear_premultiplied(
    colour: Array, alpha: Array | None, space: str | Encoding, ocio_config: Path | str | None, *, straight: bool
) -> Float32:
    """colour (h, w, 1 or 3) and alpha (h, w) in the file's type -> (h, w, 4) float32."""
    pixels = np.empty((*colour.shape[:2], 4), np.float32)
    cover = None if alpha is None else _as_float(alpha)[..., None]
    pixels[..., 3:4] = 1.0 if cover is None else cover
    light = is_linear(space) if isinstance(space, str) else space.is_linear
    must_divide = cover is not None and not straight and not light
    if isinstance(space, str) and is_srgb(space) and colour.dtype.kind == "u" and not must_divide:
        table = srgb_table(str(colour.dtype))
        for channel in range(3):  # one at a time: a third of the memory
            pixels[..., channel] = table[colour[..., channel % colour.shape[2]]]
    elif isinstance(space, Encoding) and not must_divide:
        pixels[..., :3] = space.to_linear(np.broadcast_to(colour, (*colour.shape[:2], 3)))
    else:
        rgb = np.broadcast_to(_as_float(colour), (*colour.shape[:2], 3))
        if must_divide and cover is not None:
            # the file multiplied its encoded values by alpha: undo that, decode, multiply again
            rgb = np.where(cover > 0, rgb / np.where(cover > 0, cover, 1), rgb)
        rgb = np.ascontiguousarray(rgb, np.float32)
        pixels[..., :3] = (
            to_linear(rgb, space, ocio_config=ocio_config) if isinstance(space, str) else space.to_linear(rgb)
        )
    if cover is not None and (straight or must_divide):
        pixels[..., :3] *= cover
    return pixels


def _as_float(values: Array) -> Float32:
    if values.dtype.kind == "u":
        return values.astype(np.float32) * np.float32(1 / np.iinfo(values.dtype).max)
    return values.astype(np.float32)


def _clean(pixels: Float32, notes: list[str]) -> None:
    """NaN becomes 0, infinity the largest finite value, in place: one bad pixel would spread through every filter."""
    bad = ~np.isfinite(pixels)
    count = int(bad.any(axis=2).sum())
    if not count:
        return
    finite = np.abs(pixels[~bad])
    largest = float(finite.max()) if finite.size else 0.0
    np.nan_to_num(pixels, copy=False, nan=0.0, posinf=largest, neginf=-largest)
    notes.append(f"{count} pixels were not a number or infinite: set to 0 and to {largest:g}.")


def _in_display_window(pixels: Float32, spec: Any) -> tuple[Float32, bool]:
    """The display window's pixels, and whether some lie outside the data window (those are transparent)."""
    full = (spec.full_x, spec.full_y, spec.full_width, spec.full_height)
    if full == (spec.x, spec.y, spec.width, spec.height) or 0 in full[2:]:
        return pixels, False
    window = np.zeros((spec.full_height, spec.full_width, 4), np.float32)
    x, y = spec.x - spec.full_x, spec.y - spec.full_y
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + spec.width, spec.full_width), min(y + spec.height, spec.full_height)
    if x1 > x0 and y1 > y0:
        window[y0:y1, x0:x1] = pixels[y0 - y : y1 - y, x0 - x : x1 - x]
    covered = (x0, y0, x1, y1) == (0, 0, spec.full_width, spec.full_height)
    return window, not covered


def _upright(pixels: Float32, orientation: int) -> tuple[Float32, bool]:
    """The picture turned as EXIF (1–8) says, and whether width and height changed places."""
    turns = {
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: p.transpose(1, 0, 2)[:, ::-1],
        7: lambda p: p.transpose(1, 0, 2)[::-1, ::-1],
        8: lambda p: p.transpose(1, 0, 2)[::-1],
    }
    if orientation not in turns:
        return pixels, False
    return turns[orientation](pixels), orientation >= 5
