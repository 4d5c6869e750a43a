"""Colour spaces: into scene-linear Rec.709 and out to the screen. OpenColorIO by way of OpenImageIO.

Two pairs need no config and always mean the same: `srgb` (what an 8-bit picture holds) and `linear` (Rec.709, what the
engine works in). Every other name is looked up in an OpenColorIO config: the one given, else $OCIO, else the built-in.
The built-in sRGB curve is the one Blender's compositor applies, to the last bit.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio  # noqa: TID251

from ..arrays import Float32, UInt8
from ..errors import SettingsError
from ..native import clear_registers
from . import srgb
from .srgb import LUMINANCE

BUILT_IN = "ocio://default"
SRGB = "srgb_rec709_scene"
LINEAR = "lin_rec709_scene"
# what configs call linear Rec.709: OpenImageIO's and ACES's, Blender's, older ones
_LINEAR_NAMES = (LINEAR, "Linear Rec.709 (sRGB)", "Linear Rec.709", "lin_srgb", "lin_rec709", "Utility - Linear - sRGB")
_WAYS_OUT = (("aces_interchange", "ACES2065-1"), ("cie_xyz_d65_interchange", "CIE XYZ-D65 - Scene-referred"))
_ROWS = 1024  # converted at a time


def config_path(ocio_config: Path | str | None) -> str:
    """The OpenColorIO config to use: the one given, else $OCIO, else the built-in.

    Raises: SettingsError where the file is missing.
    """
    chosen = str(ocio_config or os.environ.get("OCIO") or BUILT_IN)
    if not chosen.startswith("ocio://") and not Path(chosen).is_file():
        origin = "" if ocio_config else " ($OCIO)"
        raise SettingsError(f"There is no OpenColorIO config at {chosen}{origin}; check the path.")
    problem = _config(chosen).geterror()
    if problem:
        raise SettingsError(f"The OpenColorIO config {chosen} cannot be used: {' '.join(str(problem).split())}")
    return chosen


def is_linear(space: str) -> bool:
    """Whether the name means scene-linear Rec.709 itself."""
    return space.lower() == "linear" or space in _LINEAR_NAMES


def is_srgb(space: str) -> bool:
    """Whether the name means the sRGB curve on Rec.709 primaries."""
    return space.lower() == "srgb" or space == SRGB


def known_space(space: str) -> bool:
    """Whether `to_linear` can convert from a space of this name with the built-in config."""
    return is_linear(space) or is_srgb(space) or _config(BUILT_IN).getColorSpaceIndex(space) >= 0


def to_linear(rgb: Float32, space: str, *, ocio_config: Path | str | None = None) -> Float32:
    """(H, W, 3) float32, straight, in `space` -> (H, W, 3) float32 scene-linear Rec.709.

    Raises: SettingsError for a name the config does not have; it lists those there are.
    """
    if is_linear(space):
        return rgb
    if is_srgb(space):
        return _convert(rgb, SRGB, LINEAR, BUILT_IN)
    path = config_path(ocio_config)
    config = _config(path)
    if config.getColorSpaceIndex(space) < 0:
        names = ", ".join(config.getColorSpaceNames())
        raise SettingsError(f"The OpenColorIO config {path} has no colour space called {space!r}; it has: {names}.")
    for name in _LINEAR_NAMES:
        if config.getColorSpaceIndex(name) >= 0:
            return _convert(rgb, space, name, path)
    roles = config.getRoles()
    for role, name in _WAYS_OUT:
        if role in roles:
            return _convert(_convert(rgb, space, role, path), name, LINEAR, BUILT_IN)
    raise SettingsError(
        f"The OpenColorIO config {path} has neither a linear Rec.709 space nor the role aces_interchange; "
        "choose another config."
    )


@functools.lru_cache(maxsize=4)
def _config(path: str) -> Any:
    config = oiio.ColorConfig(path)
    problem = config.geterror()
    if problem:
        raise SettingsError(f"The OpenColorIO config {path} cannot be used: {problem.strip()}.")
    return config


def _convert(rgb: Float32, source: str, target: str, config: str) -> Float32:
    converted = np.empty_like(rgb)
    for y in range(0, rgb.shape[0], _ROWS):
        band = oiio.ImageBuf(np.ascontiguousarray(rgb[y : y + _ROWS]))
        result = oiio.ImageBufAlgo.colorconvert(band, source, target, False, "", "", config)
        if result.has_error:
            raise SettingsError(f"OpenColorIO cannot convert from {source} to {target}: {result.geterror().strip()}.")
        converted[y : y + _ROWS] = np.asarray(result.get_pixels(oiio.FLOAT))[..., :3]
    clear_registers()
    return converted


@functools.lru_cache(maxsize=2)
def srgb_table(dtype: str) -> Float32:
    """Scene-linear value of every `uint8` or `uint16` sRGB value, (256,) or (65536,): exactly what converting gives."""
    count = np.iinfo(dtype).max + 1
    codes = np.arange(count, dtype=dtype).reshape(-1, 256, 1).repeat(3, axis=2)
    as_float = np.asarray(oiio.ImageBuf(codes).copy(oiio.FLOAT).get_pixels(oiio.FLOAT), np.float32)
    return _convert(as_float, SRGB, LINEAR, BUILT_IN)[..., 0].ravel()


# To the screen --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Display:
    """How scene-linear pixels become 8-bit sRGB for eyes and nets. Decided once per job, so that frames match."""

    gain: float = 1.0  # linear factor before anything else
    white: float = 1.0  # the linear value (after gain) shown as full white; above 1 a soft shoulder begins at SHOULDER


_LDR = 1.01  # OpenColorIO makes 1.00002 of an sRGB 1; anything clearly above is HDR
SHOULDER = 0.7  # linear value above which the shoulder bends, where there is one
_GREY = 0.18  # linear: what stands behind transparent pixels
_KEY = (0.02, 0.7)  # a log-average brightness within this needs no gain


def choose_display(pixels: Float32) -> Display:
    """The rendering for a scene-linear picture (H, W, 3 or 4): itself when nothing exceeds 1, exposed when HDR."""
    step = max(1, int(np.sqrt(pixels.shape[0] * pixels.shape[1] / 250_000)))
    rgb = pixels[..., :3]
    if float(rgb.max(initial=0.0)) <= _LDR:
        return Display()
    sample = rgb[::step, ::step]
    luminance = sample @ LUMINANCE.astype(np.float32)
    lit = luminance[luminance > 1e-4]
    if not lit.size:
        return Display()
    key = float(np.exp(np.mean(np.log(lit))))
    gain = 1.0 if _KEY[0] <= key <= _KEY[1] else 0.18 / key
    white = max(1.0, gain * float(np.percentile(sample.max(axis=2), 99.5)))
    return Display(gain, white)


def display_srgb(pixels: Float32, *, exposure: Display | float | str = "auto") -> UInt8:
    """(H, W, 3 or 4) float32 scene-linear, premultiplied -> (H, W, 3) uint8 sRGB, transparent parts over mid grey.

    exposure: `auto` (`choose_display` of these pixels), stops (a number, no shoulder), or a `Display` for a whole job.
    An opaque 8-bit sRGB picture comes back with its own values exactly. NaN shows black.
    """
    if isinstance(exposure, Display):
        display = exposure
    else:
        display = choose_display(pixels) if exposure == "auto" else Display(gain=2.0 ** float(exposure))
    screen = np.empty((*pixels.shape[:2], 3), np.uint8)
    table = _encoding_table()
    for y in range(0, pixels.shape[0], 128):
        band = pixels[y : y + 128]
        rgb = band[..., :3] * np.float32(display.gain)
        if display.white > 1:
            rgb = _shoulder(rgb, display.white)
        if pixels.shape[2] == 4:
            rgb += (1 - band[..., 3:4]) * np.float32(_GREY)
        np.fmax(rgb, np.float32(0), out=rgb)  # also where it is not a number
        np.minimum(rgb, np.float32(1), out=rgb)
        rgb *= np.float32(65535)
        rgb += np.float32(0.5)
        np.take(table, rgb.astype(np.uint16), out=screen[y : y + 128], mode="clip")
    return screen


def _shoulder(linear: Float32, white: float) -> Float32:
    """Bend what is above SHOULDER so that `white` lands on 1, with slope 1 where the bend begins."""
    above = np.clip((linear - SHOULDER) / (white - SHOULDER), 0, 1)
    slope = (white - SHOULDER) / (1 - SHOULDER)
    bent = SHOULDER + (1 - SHOULDER) * slope * above / (1 + (slope - 1) * above)
    return np.where(linear > SHOULDER, bent, linear).astype(np.float32)


@functools.lru_cache(maxsize=1)
def _encoding_table() -> UInt8:
    """8-bit sRGB of 65536 linear steps: the darkest codes are 20 steps apart, so none is lost."""
    return np.round(srgb.encode(np.arange(65536) / 65535) * 255).astype(np.uint8)
