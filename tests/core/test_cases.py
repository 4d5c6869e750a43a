"""Every file of ../shared/cases, made after what people reported, against what it must come to."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gioconda.errors import PictureError
from gioconda.face.nets import Nets
from gioconda.face.tracker import track_video
from gioconda.imaging.image import judge_picture, read_picture
from gioconda.motion.files import is_video, load_motion
from gioconda.motion.motion import Motion
from gioconda.motion.notes import notes_of

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
if not CASES.is_dir():
    pytest.skip("../shared/cases is not here", allow_module_level=True)

# file → frames, frames per second, channels (0: landmarks), a word of its note ("": it has none)
MOTIONS: dict[str, tuple[int, float, int, str]] = {
    "a2f3d_animation_frames.csv": (90, 30, 52, ""),
    "a2f_gain5.json": (90, 60, 52, "clamped"),
    "a2f_livelink.json": (30, 30, 52, "30 assumed"),
    "facecap.txt": (90, 30, 52, ""),
    "llf_converter_12fps.csv": (48, 12, 52, ""),
    "llf_dropframe.csv": (90, 30000 / 1001, 52, ""),
    "llf_gap.csv": (120, 30, 52, "30 of 120 frames"),
    "llf_milliseconds.csv": (120, 30, 52, ""),
    "llf_one_glitch.csv": (90, 30, 52, "line 41"),
    "llf_semicolon_comma.csv": (90, 30, 52, ""),
    "llf_sep_line.csv": (90, 30, 52, ""),
    "llf_tail_cut.csv": (89, 30, 52, "line 91"),
    "llf_two_takes.csv": (90, 30, 52, "two takes"),
    "of_2d_aus_only.csv": (60, 30, 4, "-2dfp"),
    "of_id_changes.csv": (60, 30, 0, ""),
    "of_two_people.csv": (60, 30, 0, "2 faces"),
    "of_vfr_time.csv": (118, 30, 0, "rate varies"),
    "v_anamorphic.mp4": (60, 30, 0, ""),
    "v_anim.avif": (20, 10, 0, ""),
    "v_lost.mp4": (60, 30, 0, "have no face"),
    "v_vfr.mp4": (118, 30, 0, "rate varies"),
}


@pytest.fixture(scope="module")
def nets(models_folder: Path) -> Iterator[Nets]:
    yield Nets.open(models_folder, "cpu", threads=1)


@pytest.mark.parametrize("name", [name for name in MOTIONS if not is_video(name)])
def test_a_motion_file_comes_to_what_it_holds(name: str) -> None:
    check(name, load_motion(CASES / name))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in MOTIONS if is_video(name)])
def test_a_video_comes_to_what_it_shows(name: str, nets: Nets) -> None:
    motion = track_video(CASES / name, nets)
    check(name, motion)
    assert motion.landmarks is not None
    across, down = np.ptp(np.nanmedian(motion.landmarks[..., :2], axis=0), axis=0)
    assert 0.85 < across / down < 1.15  # as in the clips that these were made of


def check(name: str, motion: Motion) -> None:
    frames, fps, channels, word = MOTIONS[name]
    notes = " ".join(notes_of(motion)).lower()
    assert (len(motion), len(motion.channel_names)) == (frames, channels)
    assert math.isclose(motion.fps, fps, rel_tol=1e-6)
    assert word in notes if word else not notes
    if motion.channels is not None:
        assert 0 <= np.nanmin(motion.channels) <= np.nanmax(motion.channels) <= 2


# file → a word of its note, or of what it is refused with
PICTURES = {
    "p_ap0_chroma.exr": "AP0",
    "p_avif.avif": "",
    "p_cicp_pq2020_16.png": "PQ",
    "p_cineonlog.dpx": "film log",
    "p_icc_prophoto.tif": "ProPhoto",
    "p_multipart_depth_first.exr": "rgba",
    "p_nuke_rgba_red.exr": "",
    "p_two_layers.exr": "Image",
    "p_ultrahdr_p3.jpg": "Ultra HDR",
    "p_xyz_chroma.exr": "XYZ",
    "toon.png": "",
}
EMPTY = {"p_alpha_zero.png": "alpha is 0 everywhere", "p_nowhere.exr": "outside its display window"}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_comes_to_its_colours(name: str) -> None:
    picture = read_picture(CASES / name)
    notes = " ".join(picture.notes)
    assert PICTURES[name] in notes if PICTURES[name] else not notes
    if name != "toon.png":  # all the same picture, whose cheek this is; AVIF and 8 bits lose a little
        np.testing.assert_allclose(picture.pixels[300, 256, :3], (0.687, 0.246, 0.136), rtol=0.07)
        np.testing.assert_allclose(picture.pixels[500:, 200:300, :3].mean((0, 1)), (0.0450, 0.0302, 0.0276), rtol=0.07)


@pytest.mark.parametrize("name", EMPTY)
def test_what_is_empty_is_refused_quickly(name: str) -> None:
    started = time.monotonic()
    with pytest.raises(PictureError, match=EMPTY[name]):
        judge_picture(CASES / name)
    assert time.monotonic() - started < 2


def test_every_file_has_its_row() -> None:
    assert {path.name for path in CASES.iterdir()} <= {*MOTIONS, *PICTURES, *EMPTY}
