"""Landmarks from a few points that a person placed: check what the file holds, fit the rest of the face. No networks.

The file is JSON. Either named points (`landmarks.NAMED`, or indices), pixels, first pixel's centre (0.5, 0.5):

    {"eye_outer_right": [310, 402], "eye_outer_left": [505, 398], "nose_tip": [400, 505], "chin": [405, 690]}

optionally inside "points", beside the "size": [width, height] of the picture they were placed on; or all 478 landmarks
as `gioconda analyse` writes them, or as a bare list. "right" is the person's own right.
"""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from typing import Any

import numpy as np

from ..errors import InputError
from ..landmarks import COUNT, NAMED
from .fit import fit_landmarks
from .region import Float

_INDEX = re.compile(r"\d{1,3}")


def parse_points(text: str, size: tuple[int, int], path: str) -> Float:
    """The file's points as landmarks (478, 3) float64, pixels of a picture of `size` (width, height).

    path: what messages call the file.

    Raises:
        InputError: not JSON, an unknown name, a point outside the picture, or too few points to fit a face.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}, line {error.lineno}, column {error.colno}: this is not JSON ({error.msg})."
        ) from None
    except (ValueError, RecursionError):
        raise InputError(
            f'{path} cannot be read as JSON: write names and positions as in {{"chin": [405, 690]}}.'
        ) from None
    if isinstance(content, dict):
        scale = _scale(content, path, size)
        if "landmarks" in content:
            return _all_landmarks(content["landmarks"], path) * scale
        named = _named(content.get("points", content), path, text, size, scale)
        return fit_landmarks(named, path)
    if isinstance(content, list):
        return _all_landmarks(content, path)
    raise InputError(f'{path} holds no points: write names and positions as in {{"chin": [405, 690]}}.')


def _scale(content: dict[str, Any], path: str, size: tuple[int, int]) -> float:
    """From the picture the points were placed on to this one, which must have the same proportions."""
    placed_on = content.get("size")
    if placed_on is None:
        return 1.0
    try:
        width, height = (float(side) for side in placed_on)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{path}: “size” must be the picture's [width, height], not {placed_on!r}.") from None
    if not (0 < width < 1e7 and 0 < height < 1e7) or abs(height * size[0] / width - size[1]) > 2 + 0.005 * size[1]:
        raise InputError(
            f"{path} was made for a picture of {width:g} × {height:g} pixels, this one has {size[0]} × {size[1]}: "
            "place the points on this picture."
        )
    return size[0] / width


def _named(content: Any, path: str, text: str, size: tuple[int, int], scale: float) -> dict[int, Float]:
    """Landmark index → (2,) pixels."""
    if not isinstance(content, dict):
        raise InputError(f'{path}: “points” must name its points, as in {{"chin": [405, 690]}}.')
    named: dict[int, Float] = {}
    for name, value in content.items():
        if content.get("points") is None and name in ("size", "note"):
            continue
        where = f"{path}, line {_line(text, name)}"
        index = _index_of(name, where)
        point = _numbers(value, where, name)[:2] * scale
        if not ((point >= 0).all() and (point <= size).all()):
            at = ", ".join(f"{c:g}" for c in point)
            raise InputError(f"{where}: {name} at ({at}) lies outside the picture of {size[0]} × {size[1]} pixels.")
        named[index] = point
    return named


def _index_of(name: str, where: str) -> int:
    if name in NAMED:
        return NAMED[name]
    if _INDEX.fullmatch(name) and int(name) < COUNT:
        return int(name)
    near = get_close_matches(name, NAMED, n=1, cutoff=0.5)
    advice = f"did you mean “{near[0]}”?" if near else f"the names are {', '.join(NAMED)}."
    raise InputError(f"{where}: there is no point called “{name}”; {advice}")


def _numbers(value: Any, where: str, name: str) -> Float:
    """A position of two or three numbers."""
    good = isinstance(value, list) and len(value) in (2, 3)
    good = good and all(isinstance(n, (int, float)) and not isinstance(n, bool) and abs(n) < 1e7 for n in value)
    if not good:  # abs(NaN) < 1e7 is false as well
        raise InputError(f"{where}: {name} must be [x, y] in pixels, not {json.dumps(value)[:60]}.")
    return np.array(value, np.float64)


def _all_landmarks(content: Any, path: str) -> Float:
    if not isinstance(content, list) or len(content) != COUNT:
        count = len(content) if isinstance(content, list) else "no"
        raise InputError(f"{path} has {count} landmarks, {COUNT} are needed; or name a few points instead.")
    points = [_numbers(value, f"{path}, landmark {index}", "it") for index, value in enumerate(content)]
    if any(len(point) != 3 for point in points):
        raise InputError(f"{path}: every landmark needs three numbers, x, y and z.")
    return np.stack(points)


def _line(text: str, name: str) -> int:
    """The line on which a name first stands as a key."""
    found = re.search(re.escape(json.dumps(name, ensure_ascii=False)) + r"\s*:", text)
    return text.count("\n", 0, found.start()) + 1 if found else 1
