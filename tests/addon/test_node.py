"""The node in the compositor of a real Blender: what it shows before, while and after rendering, and without us."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gioconda.imaging.exr import read_exr
from gioconda.job.passes import PASSES

pytestmark = pytest.mark.timeout(1200)  # the first frame of a fresh profile compiles for a minute
HERE = Path(__file__).parent

# Opens the saved shot in a Blender that does not have the extension.
WITHOUT_US = """
import os, sys
import bpy, addon_utils  # in this order: bpy brings the other
sys.path.insert(0, sys.argv[1])
addon_utils.disable("bl_ext.user_default.gioconda")
bpy.ops.wm.open_mainfile(filepath=sys.argv[2])
assert not hasattr(bpy.ops.gioconda, "render_portrait") or "render_portrait" not in dir(bpy.ops.gioconda)
scene = bpy.context.scene
settings = scene.render.image_settings
if bpy.app.version >= (5, 0, 0):
    settings.media_type = "IMAGE"
settings.file_format, settings.color_depth, settings.color_mode = "OPEN_EXR", "32", "RGBA"
scene.frame_start, scene.frame_end = 0, 5
scene.render.filepath = sys.argv[3] + "/####.exr"
bpy.ops.render.render(animation=True)
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture(scope="module")
def shown(blender: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any], Path]:
    """What node_shows.py found, the pixels it saw, and its folder."""
    folder = tmp_path_factory.mktemp("node")
    found = blender.run(HERE / "node_shows.py", HERE, folder, folder=folder, timeout=600)
    with np.load(folder / "seen.npz") as seen:
        return found, dict(seen), folder


def frame(folder: Path, number: int) -> dict[str, Any]:
    passes, _ = read_exr(folder / "out" / f"{number:04d}.exr")
    return passes


def test_every_chosen_pass_is_an_output(shown: Any) -> None:
    found, _, _ = shown
    assert found["outputs"] == ["Image", "Alpha", "Matte", "Depth", "Vector", "UV"]
    assert found["vector"] == "RGBA"  # four components in every version
    assert found["all"][:6] == found["outputs"]
    assert set(found["all"]) == {"Image", "Alpha", *PASSES} - {"Combined"}


def test_changing_passes_keeps_the_artists_links(shown: Any) -> None:
    found, _, _ = shown
    assert found["fewer"] == ["Image", "Alpha", "Vector", "UV", "Lips"]
    assert found["kept because linked"] == ["Image", "Alpha", "Lips", "Vector"]
    assert found["links"] == [True, True]


def test_the_portrait_is_seen_until_its_frames_are_there(shown: Any) -> None:
    found, seen, _ = shown
    assert found["early"]
    assert found["state"][0] == "done", found["state"]
    assert seen["before"][..., :3].mean() > 0.05
    for number in (-20, 0, 5, 900):
        assert np.array_equal(seen[f"beside {number}"], seen["before"]), number


def test_every_output_has_the_files_own_values(shown: Any) -> None:
    found, seen, folder = shown
    for number in (2, 4):
        passes = frame(folder, number)
        for name in found["all"]:
            expected = passes["Combined"] if name in ("Image", "Alpha") else passes[name]
            expected = expected[..., 3:] if name == "Alpha" else expected
            assert np.array_equal(seen[f"{name} {number}"][..., : expected.shape[2]], expected), (name, number)


def test_frames_are_files_and_one_at_rest_beside_them(shown: Any) -> None:
    found, _, _ = shown
    assert found["next"] == 0  # a part of the range again: the node still shows the whole
    assert found["files"][:5] == ["0000.exr", "0001.exr", "0002.exr", "0003.exr", "0004.exr"]


def test_a_saved_file_shows_the_same_when_opened(shown: Any) -> None:
    found, seen, _ = shown
    assert found["after opening"][:2] == ["Gioconda Portrait", "portrait.png"]
    assert np.array_equal(seen["opened"], seen["Image 4"])
    assert found["simple driver"] == [True]  # Blender evaluates it without Python


def test_a_farm_without_the_extension_renders_the_same(blender: Any, shown: Any, tmp_path: Path) -> None:
    _, seen, folder = shown
    script = tmp_path / "farm.py"
    script.write_text(WITHOUT_US, encoding="utf-8")
    blender.call(script, HERE, folder / "shot.blend", tmp_path)
    for number in (1, 2, 3, 4):
        pixels = farm_frame(tmp_path / f"{number:04d}.exr")
        assert np.array_equal(pixels, frame(folder, number)["Combined"]), number
    for number in (0, 5):
        assert np.array_equal(farm_frame(tmp_path / f"{number:04d}.exr"), seen["before"]), number


def farm_frame(path: Path) -> Any:
    """A frame that Blender composited, (H, W, 4)."""
    import OpenImageIO as oiio  # noqa: TID251

    spec = oiio.ImageBuf(str(path)).spec()
    pixels = oiio.ImageBuf(str(path)).get_pixels(oiio.FLOAT)
    return np.stack([pixels[..., spec.channelnames.index(name)] for name in "RGBA"], axis=2)
