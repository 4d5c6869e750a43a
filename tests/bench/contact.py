"""`python -m tests.bench.contact`: portraits in poses that are hard, geometry beside neural, close up.

Three sheets a portrait, a row a pose. PORTRAIT.png: the whole head (geometry, networks, their difference x 4), eyes,
mouth, hairline and the head's border, geometry above, networks below. PORTRAIT_eyes.png, PORTRAIT_mouth.png: at 200 %,
geometry and networks; with `--before CHECKOUT` each beside what that checkout's engine draws. With `--frames` whole
frames at full size.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from gioconda.errors import GiocondaError

from . import networks, product
from .metrics import Bytes
from .neural_table import NETWORKS

ROOT = Path(__file__).resolve().parents[2]
PORTRAITS = ROOT.parent / "shared" / "data" / "portraits"
HEAD_PX, GAP_PX = 480, 6
ZOOMS = ("eyes", "mouth", "hairline", "border")
CLOSE = ("eyes", "mouth")
CLOSE_SCALE, CLOSE_PX = 2.0, 640  # of the picture's size; at most so wide
FOREHEAD, CHEEKS = 10, (234, 454)  # landmarks
DIFFERENCE = 4


@dataclass(frozen=True)
class Look:
    """One pose: ARKit channels and the head's yaw in degrees, positive towards the right of the picture."""

    name: str
    channels: dict[str, float]
    yaw: float = 0.0


def _both(**channels: float) -> dict[str, float]:
    """The channels of a face's left and right side."""
    return {f"{name}{side}": value for name, value in channels.items() for side in ("Left", "Right")}


LOOKS = (
    Look("blink", _both(eyeBlink=1.0)),
    Look("half blink", _both(eyeBlink=0.5)),
    Look("wink", {"eyeBlinkLeft": 1.0, "cheekSquintLeft": 0.6}),
    Look("jaw", {"jawOpen": 0.9}),
    Look(
        "smile",
        _both(mouthSmile=0.8, mouthUpperUp=0.5, mouthLowerDown=0.4, cheekSquint=0.5) | {"jawOpen": 0.12},
    ),
    Look("O", {"mouthFunnel": 0.8, "jawOpen": 0.35}),
    Look("pucker", {"mouthPucker": 0.9}),
    Look("clenched", _both(mouthUpperUp=0.6, mouthLowerDown=0.7, mouthStretch=0.5)),
    Look("frown", _both(mouthFrown=0.8, browDown=0.9, noseSneer=0.3)),
    Look("brows", _both(browOuterUp=0.9) | {"browInnerUp": 1.0}),
    Look("yaw+20", {}, 20.0),
    Look("yaw-20", {}, -20.0),
)


@dataclass(frozen=True)
class Pair:
    """One pose, without and with networks: (H, W, 3) uint8 sRGB each; landmarks (478, 3) pixels."""

    look: Look
    geometry: Bytes
    neural: Bytes
    landmarks: npt.NDArray[np.floating]


def main() -> int:
    arguments = parser().parse_args()
    product.use_one_thread()
    models = arguments.models
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.networks:
        models = networks.folder_with(arguments.networks, models, arguments.out / "models")
    wanted = [name for name in arguments.portraits.split(",") if name] or [""]
    found = [path for name in wanted for path in sorted(arguments.data.glob(f"{name}*"))]
    paths = [path for path in found if path.suffix.lower() in (".jpg", ".png")]
    if not paths:
        print(f"SKIPPED contact sheets: no such portraits in {arguments.data}")
        return 0
    looks = [look for look in LOOKS if not arguments.poses or look.name in arguments.poses.split(",")]
    before = drawn_by(arguments.before, arguments) if arguments.before else None
    for count, path in enumerate(paths, 1):
        began = time.monotonic()
        try:
            pairs = posed(path, looks, models, arguments.neural, arguments.out / "cache")
        except GiocondaError as error:
            print(f"  {count} of {len(paths)}  {path.stem}: FAILED: {error}", flush=True)
            continue
        write_sheet(arguments.out / f"{path.stem}.png", pairs)
        for what in CLOSE:
            name = f"{path.stem}_{what}.png"
            write_close_ups(arguments.out / name, what, pairs, before=before / name if before else None)
        if arguments.frames:
            write_frames(arguments.out / path.stem, pairs)
        print(f"  {count} of {len(paths)}  {path.stem}: {time.monotonic() - began:.0f} s", flush=True)
    frames = f"; whole frames: {arguments.out}/PORTRAIT/POSE_*.png" if arguments.frames else ""
    print(f"Sheets: {arguments.out}/*.png{frames}")
    return 0


def drawn_by(checkout: Path, arguments: argparse.Namespace) -> Path:
    """The folder of the same sheets by another checkout's engine."""
    out = Path(arguments.out / "before")
    words = [sys.executable, "-m", "tests.bench.contact", "--out", str(out), "--data", str(arguments.data)]
    words += ["--models", str(checkout / "onnx_models"), "--neural", arguments.neural]
    words += ["--portraits", arguments.portraits, "--poses", arguments.poses]
    path = os.pathsep.join([str(checkout.resolve() / "core"), os.environ.get("PYTHONPATH", "")])
    subprocess.run(words, cwd=ROOT, env=os.environ | {"PYTHONPATH": path}, check=True)
    return out


def posed(path: Path, looks: list[Look], models: Path, neural: str, cache: Path) -> list[Pair]:
    """A portrait in every pose, on one thread."""
    sitter = product.Sitting(path, models, neural=neural, cache=cache)
    poses = sitter.poses([(look.channels, look.yaw) for look in looks])
    pairs = []
    for look, pose in zip(looks, poses, strict=True):
        pairs.append(Pair(look, sitter.geometry(pose), sitter.corrected(pose), sitter.landmarks(pose)))
    return pairs


def write_sheet(path: Path, pairs: list[Pair]) -> None:
    """One portrait's sheet: a row a pose."""
    rows = []
    for pair in pairs:
        both = [crop(p, *place(pair.landmarks, "head"), HEAD_PX) for p in (pair.geometry, pair.neural)]
        apart = 128 + DIFFERENCE * (both[1].astype(int) - both[0])
        cells = [*both, np.clip(apart, 0, 255).astype(np.uint8)]
        for zoom in ZOOMS:
            centre, side = place(pair.landmarks, zoom, pair.look.yaw)
            half = [crop(p, centre, side, HEAD_PX, high=HEAD_PX // 2) for p in (pair.geometry, pair.neural)]
            cells.append(np.vstack(half))
        gap = np.full((HEAD_PX, GAP_PX, 3), 255, np.uint8)
        row = np.hstack([part for cell in cells for part in (cell, gap)])
        rows += [labelled(row, pair.look.name), np.full((GAP_PX, row.shape[1], 3), 255, np.uint8)]
    _write(path, np.vstack(rows))


def write_close_ups(path: Path, what: str, pairs: list[Pair], *, before: Path | None = None) -> None:
    """Eyes or mouth of one portrait at CLOSE_SCALE: a row a pose; columns: geometry, networks.

    before: such a sheet of another engine; then columns are geometry before and now, networks before and now.
    """
    columns = []
    for kind in ("geometry", "neural"):
        cells = []
        for pair in pairs:
            centre, side = place(pair.landmarks, what, pair.look.yaw)
            wide = max(2, round(min(CLOSE_SCALE * side, CLOSE_PX)))
            cells.append(crop(getattr(pair, kind), centre, side, wide, high=round(wide * 0.6)))
        wide = max(cell.shape[1] for cell in cells)  # a face that turns changes its size a little
        cells = [cv2.copyMakeBorder(c, 0, GAP_PX, 0, wide + GAP_PX - c.shape[1], cv2.BORDER_CONSTANT) for c in cells]
        columns.append(np.vstack([labelled(c, p.look.name) for c, p in zip(cells, pairs, strict=True)]))
    old = cv2.imread(str(before)) if before is not None else None
    if old is not None:
        high = max(len(old), len(columns[0]))
        halves = [old[:, : old.shape[1] // 2, ::-1], old[:, old.shape[1] // 2 :, ::-1]]
        parts = [part for both in zip(halves, columns, strict=True) for part in both]
        columns = [cv2.copyMakeBorder(c, 0, high - len(c), 0, 0, cv2.BORDER_CONSTANT) for c in parts]
    _write(path, np.hstack(columns))


def write_frames(folder: Path, pairs: list[Pair]) -> None:
    """Every frame at full size: POSE_geometry.png, POSE_neural.png."""
    folder.mkdir(parents=True, exist_ok=True)
    for pair in pairs:
        _write(folder / f"{pair.look.name}_geometry.png", pair.geometry)
        _write(folder / f"{pair.look.name}_neural.png", pair.neural)


def place(landmarks: npt.NDArray[np.floating], what: str, yaw: float = 0.0) -> tuple[npt.NDArray[np.float64], float]:
    """Centre (2,) and width in pixels of what a column shows. The border shown is the one that the face turns from."""
    points = landmarks[:, :2].astype(np.float64)
    face = float((points.max(0) - points.min(0)).max())
    middle = (points.max(0) + points.min(0)) / 2
    if what == "head":
        return middle - [0, 0.1 * face], 1.9 * face
    if what == "eyes":
        return points[[33, 133, 263, 362]].mean(0), 0.75 * face
    if what == "mouth":
        return points[[61, 291, 13, 14]].mean(0), 0.6 * face
    if what == "hairline":
        return points[FOREHEAD] - [0, 0.02 * face], 0.9 * face
    cheek = points[CHEEKS[0] if yaw >= 0 else CHEEKS[1]]
    return cheek + (cheek - middle) * [0.35, 0], 0.9 * face


def crop(picture: Bytes, centre: npt.NDArray[np.float64], side: float, wide: int, *, high: int | None = None) -> Bytes:
    """A part `side` picture pixels wide as (high or wide, wide, 3); black outside the picture."""
    high = high or wide
    scale = wide / side
    matrix = np.array([[scale, 0, wide / 2 - scale * centre[0]], [0, scale, high / 2 - scale * centre[1]]])
    matrix[:, 2] += scale / 2 - 0.5  # OpenCV puts (0, 0) on the first pixel's centre
    if scale < 0.7:  # average first
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        shift = np.array([[1, 0, wide / 2 - scale * centre[0]], [0, 1, high / 2 - scale * centre[1]]], np.float64)
        return cv2.warpAffine(small, shift, (wide, high), flags=cv2.INTER_LINEAR)
    return cv2.warpAffine(picture, matrix, (wide, high), flags=cv2.INTER_CUBIC)


def labelled(row: Bytes, text: str) -> Bytes:
    """The pose's name in the corner."""
    row = row.copy()
    for colour, width in (((0, 0, 0), 4), ((255, 255, 255), 1)):
        cv2.putText(row, text, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, colour, width, cv2.LINE_AA)
    return row


def parser() -> argparse.ArgumentParser:
    """The sheets' words."""
    words = argparse.ArgumentParser("python -m tests.bench.contact", description=__doc__.split("\n", 1)[0])
    words.add_argument("--portraits", default="", metavar="NAME,…", help="those whose names begin so (default: all)")
    words.add_argument("--poses", default="", metavar="POSE,…", help=f"of {', '.join(look.name for look in LOOKS)}")
    words.add_argument("--neural", default="fast", choices=NETWORKS, help="default: %(default)s")
    words.add_argument("--networks", type=Path, metavar="FOLDER", help="exported networks instead of the shipped ones")
    words.add_argument("--before", type=Path, metavar="CHECKOUT", help="that checkout's engine beside, in close-ups")
    words.add_argument("--frames", action="store_true", help="whole frames, too")
    words.add_argument("--data", type=Path, default=PORTRAITS, metavar="FOLDER", help="default: %(default)s")
    words.add_argument("--models", type=Path, default=ROOT / "onnx_models", metavar="FOLDER", help="the ONNX nets")
    words.add_argument(
        "--out", type=Path, default=ROOT / "out" / "contact", metavar="FOLDER", help="default: %(default)s"
    )
    return words


def _write(path: Path, picture: Bytes) -> None:
    if not cv2.imwrite(str(path), np.ascontiguousarray(picture[..., ::-1])):
        raise OSError(f"cannot write {path}")


if __name__ == "__main__":
    sys.exit(main())
