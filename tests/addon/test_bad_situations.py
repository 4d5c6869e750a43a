"""What goes wrong in artists' files gives the picture as Blender sees it, or one sentence; never a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio  # noqa: TID251
import pytest
from gioconda.imaging.image import read_picture

pytestmark = pytest.mark.timeout(1200)  # the first frame of a fresh profile compiles for a minute
HERE = Path(__file__).parent


def write(path: Path, pixels: np.ndarray, kind: str, **attributes: Any) -> None:
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], kind)
    for name, value in attributes.items():
        spec.attribute(name, value)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    assert output.write_image(pixels)
    output.close()


@pytest.fixture(scope="module")
def pictures(blender: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """What bad_pictures.py found, and the pixels that the compositor made of each image."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    write(folder / "float.exr", (random.random((40, 60, 4)) * 6 - 1).astype(np.float32).clip(-1, 4), "float")
    write(folder / "deep.png", (random.random((40, 60, 3)) * 65535).astype(np.uint16), "uint16")
    write(folder / "alpha.png", (random.random((40, 60, 4)) * 255).astype(np.uint8), "uint8")
    write(folder / "turned.jpg", (random.random((40, 60, 3)) * 255).astype(np.uint8), "uint8", Orientation=6)
    found = blender.run(HERE / "bad_pictures.py", HERE, folder, folder=folder)
    with np.load(folder / "seen.npz") as seen:
        return found, dict(seen)


@pytest.mark.parametrize(
    "name",
    [
        "packed",
        "generated",
        "generated float",
        "painted on",
        "float.exr",
        "deep.png",
        "turned.jpg",
        "alpha.png",
        "not a colour",
        "another space",
        "alpha ignored",
    ],
)
def test_the_core_gets_the_picture_as_blender_sees_it(pictures: Any, name: str) -> None:
    found, seen = pictures
    path, space, ocio = found["sources"][name]
    pixels = read_picture(path, colorspace=space, ocio_config=ocio).pixels
    assert pixels.shape == seen[name].shape
    tolerance = 1e-5 if name == "another space" else 0  # another build of OpenColorIO converts that one
    assert np.abs(pixels - seen[name]).max() <= tolerance


SENTENCES = {
    "no portrait": "add one in the compositor",
    "no picture": "Choose the portrait's picture first",
    "nothing chosen": "choose a picture",
    "MOVIE": "is a movie: choose a still picture",
    "SEQUENCE": "is an image sequence: choose a single picture",
    "missing": "gone.png: choose it again",
    "beside an unsaved file": "save the .blend",
    "render result": "save it as an image",
    "output beside an unsaved file": "never saved",
    "output without a number": "must say once where the frame number goes",
    "range upside down": "ends (4) before it starts (5)",
    "range below nought": "start at 0 or later",
    "no right": "choose why this portrait may be animated",
}


@pytest.mark.parametrize("what", SENTENCES)
def test_a_picture_or_setting_that_cannot_be_used_gives_a_sentence(pictures: Any, what: str) -> None:
    found, _ = pictures
    assert SENTENCES[what] in found["sentences"][what]


@pytest.fixture(scope="module")
def work(blender: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What bad_work.py found."""
    folder = tmp_path_factory.mktemp("work")
    return blender.run(HERE / "bad_work.py", HERE, folder, folder=folder, timeout=900)


def test_a_second_rendering_of_the_same_portrait_is_refused(work: dict[str, Any]) -> None:
    assert "is being rendered already" in work["two at once"]
    assert "is being rendered" in work["two at once, by the operator"]


def test_cancelling_twice_is_as_good_as_once(work: dict[str, Any]) -> None:
    state, text, error = work["cancelled twice"]
    assert (state, error) == ("cancelled", "")
    assert "finished stay" in text
    assert work["after cancelling"] == [True]


def test_a_killed_worker_is_told_and_the_next_rendering_goes_on(work: dict[str, Any]) -> None:
    state, text, error = work["killed"]
    assert state == "failed"
    assert text == error
    assert "killed" in text
    assert work["log"]
    assert work["after it was killed"][0] == "done", work["after it was killed"]
    assert work["after it was killed"][2] == ""


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("another version", "The worker is Gioconda 9.9"),
        ("no such Python", "cannot be started"),
        ("disk full", "annot"),
        ("output in the way", "Cannot write"),
    ],
)
def test_a_worker_that_cannot_work_says_why(work: dict[str, Any], what: str, says: str) -> None:
    state, text, error = work[what]
    assert state == "failed"
    assert says in text
    assert text == error
    assert "\n" not in text


def test_closing_the_file_stops_the_rendering_at_once(work: dict[str, Any]) -> None:
    assert work["closed"] == ["cancelled", True, None, 0]
    assert work["closing took"] < 3
