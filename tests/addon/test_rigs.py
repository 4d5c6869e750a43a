"""Real rigs act a known sequence: auto-mapped and baked in Blender, rendered by core, measured by the face nets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gioconda.engine import Portrait, prepare, render
from gioconda.face.analyse import analyse
from gioconda.face.matte import estimate_matte
from gioconda.face.nets import Nets
from gioconda.imaging import resample
from gioconda.imaging.image import choose_display, display_srgb, read_picture
from gioconda.job.retarget import RetargetSettings
from gioconda.motion.files import load_motion
from gioconda.motion.regions import LIDS, openness
from gioconda.motion.retarget import retarget
from gioconda.pose import Performance, euler_degrees, head_pose

ROOT = Path(__file__).resolve().parents[2]
RIGS = ROOT.parent / "shared" / "data" / "rigs"
DATA = ROOT / "tests" / "data"
NAMES = {
    "makehuman_head_arkit52_livelink328f.blend": ("KEYS", 200),
    "makehuman_head_facebones_poseunits60f.blend": ("MESH", 60),
    "jmtechart_Live_Link_Face_51shapes.blend": ("KEYS", 200),
    "makehuman_head_arkit52.glb": ("KEYS", 200),
    "empties": ("OBJECTS", 200),
}
SETTINGS = RetargetSettings(smoothing="none", dead_band=0.0, lid_floor=0.0)
SIGNALS = ("jaw", "smile", "blink", "yaw")
WIDTH = 320

pytestmark = pytest.mark.skipif(not RIGS.is_dir(), reason="the rigs are not here: ../shared/data/rigs")


@pytest.fixture(scope="module")
def acted(blender: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """The answers of rig_acts.py, and the folder with the motions."""
    folder = tmp_path_factory.mktemp("rigs")
    return blender.run(Path(__file__).with_name("rig_acts.py"), RIGS, folder, folder=folder, timeout=400), folder


@pytest.fixture(scope="module")
def sitter() -> tuple[Portrait, np.ndarray]:
    """Grace Hopper, small, made ready."""
    picture = read_picture(ROOT / "core/gioconda/cli/grace_hopper.jpg").pixels
    factor = WIDTH / picture.shape[1]
    height = round(picture.shape[0] * factor)
    srgb = display_srgb(picture, exposure=choose_display(picture))
    with np.load(DATA / "grace_hopper_analysis.npz") as known:
        landmarks, person = known["landmarks"].astype(np.float64), known["person"].astype(np.float32) / 255
    matte = np.clip(resample.resize(estimate_matte(srgb, person, landmarks), WIDTH, height, method="area"), 0, 1)
    small = resample.resize(picture, WIDTH, height, method="area")
    small[..., 3] = 1
    points = landmarks * factor
    return prepare(small, points, matte), points


def measured(landmarks: np.ndarray) -> tuple[float, float, float, float]:
    """jaw, smile, blink, yaw of one face: lip gap, mouth width (head units), how shut the eyes are, degrees."""
    pose = head_pose(landmarks)
    face = pose.to_head(landmarks.astype(np.float64))
    gap = float(np.linalg.norm(face[13] - face[14]))
    wide = float(np.linalg.norm(face[61] - face[291]))
    shut = -float(np.mean([openness(face, side) for side in LIDS]))
    return gap, wide, shut, euler_degrees(pose.rotation)[0]


def correlations(act: list[list[float]], rows: list[tuple[float, ...]]) -> dict[str, float]:
    """For each signal over the frames in which it acts, and the first: how well what is measured follows."""
    asked, seen = np.array(act), np.array(rows)
    result = {}
    for k, name in enumerate(SIGNALS):
        frames = np.flatnonzero((asked[:, k] != 0) | (asked == 0).all(1))
        result[name] = float(np.corrcoef(asked[frames, k], seen[frames, k])[0, 1])
    return result


def performed(folder: Path, name: str, landmarks: np.ndarray) -> Performance:
    return retarget(load_motion(folder / f"{name}.npz"), landmarks, SETTINGS)


@pytest.mark.parametrize("name", NAMES)
def test_a_rig_is_recognised_baked_and_leaves_no_trace(acted: tuple[dict[str, Any], Path], name: str) -> None:
    answer = acted[0][name]
    kind, speed = NAMES[name]
    count = len(acted[0]["act"])
    assert answer["found"] == kind, answer["report"]
    assert answer["clean"], "objects, scenes or the frame were left behind"
    assert answer["alone"], "one frame baked alone differs from the same frame in a range"
    assert answer["frames"] == list(range(count + 1))
    assert answer["half"] == [1, 2, 3, 4] and answer["half_fps"] == 2 * answer["fps"]
    print(f"{name}: baked {answer['baked']:.0f} frames/s, plain frame_set {answer['plain']:.0f} frames/s, ", end="")
    print(f"longest step {1000 * answer['longest']:.0f} ms; {answer['report']}")
    assert answer["baked"] > min(speed, answer["plain"])  # a busy machine is slow at both


@pytest.mark.parametrize("name", NAMES)
def test_the_performance_follows_the_rig(acted: tuple[dict[str, Any], Path], name: str) -> None:
    landmarks = np.load(DATA / "grace_hopper_analysis.npz")["landmarks"].astype(np.float64)
    performance = performed(acted[1], name, landmarks)
    pose = head_pose(landmarks)
    face = pose.to_head(landmarks)
    rows = []
    for asked in list(performance)[1:]:
        turned = asked.rotation @ pose.rotation
        rows.append(measured(pose.scale * (face + asked.displacement) @ turned.T + pose.translation))
    found = correlations(acted[0]["act"], rows)
    print(name, {k: round(v, 3) for k, v in found.items()})
    assert min(found.values()) > 0.9, found
    assert np.abs(np.array(performance[1].displacement)).max() < 0.02, "at rest the portrait stays as it is"


@pytest.mark.parametrize("name", NAMES)
def test_the_pixels_follow_the_rig(
    acted: tuple[dict[str, Any], Path], sitter: tuple[Portrait, np.ndarray], nets: Nets, name: str
) -> None:
    portrait, landmarks = sitter
    performance = performed(acted[1], name, landmarks)
    rows = []
    for pose in list(performance)[1:]:
        shown = render(portrait, pose, passes=("Combined",), smooth_edges=False).passes["Combined"]
        rows.append(measured(analyse(display_srgb(shown), nets).landmarks))
    found = correlations(acted[0]["act"], rows)
    print(name, {k: round(v, 3) for k, v in found.items()})
    assert min(found.values()) > 0.9, found


@pytest.fixture(scope="module")
def nets(models_folder: Path) -> Nets:
    return Nets.open(models_folder, "cpu", threads=1)
