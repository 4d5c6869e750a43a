"""A motion file or a video as *Motion File* in Blender: what job, export and preview are given, and what is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gioconda.imaging.image import display_srgb, read_picture
from gioconda.imaging.resample import resize
from gioconda.imaging.video import VideoWriter
from gioconda.job.job import Job
from gioconda.render.open_motion import open_motion

HERE = Path(__file__).parent
FACE = HERE.parents[1] / "core/gioconda/cli/grace_hopper.jpg"
BVH = """HIERARCHY
ROOT Head
{
  OFFSET 0 0 0
  CHANNELS 3 Zrotation Xrotation Yrotation
  End Site
  {
    OFFSET 0 20 0
  }
}
MOTION
Frames: 6
Frame Time: 0.04
""" + "".join(f"0 0 {angle}\n" for angle in range(6))
SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, ARGS[0])
import studio
from bl_ext.user_default.gioconda.addon import job, preview, rendering

found, folder = {}, Path(ARGS[1])
studio.empty_file()
tree = studio.portrait(folder, frames=3)
scene, rig = bpy.context.scene, tree.gioconda.rig
scene.render.fps, scene.frame_start, scene.frame_end = 50, 11, 13
rig.kind, rig.file_start = "FILE", 11
for name in ("clip.mp4", "turn.bvh"):
    rig.file = str(folder / name)
    bpy.ops.gioconda.export_job(directory=str(folder / f"export {name}"))
    render = rendering.Rendering(tree, scene)
    try:
        next(render._with_motion())
    except StopIteration as end:
        found[name] = {"render": end.value.to_json()}
    scene.frame_set(12)
    still = job.still_job(tree, folder=folder, output="####.exr")
    request, _ = preview._request(preview.Live(tree.session_uid), tree, still)
    found[name]["preview"] = [request["job"]["motion"], request["job"]["motion_start"], request["frame"]]
result(found)
"""


@pytest.fixture(scope="module")
def driven(blender: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """What the script found, and its folder: with a video of 25 frames per second and a .bvh of the same rate."""
    folder = tmp_path_factory.mktemp("motion files")
    pixels = read_picture(FACE).pixels
    srgb = display_srgb(resize(pixels, 256, 256 * pixels.shape[0] // pixels.shape[1], method="area"))
    with VideoWriter(folder / "clip.mp4", srgb.shape[1], srgb.shape[0], 25.0) as video:
        for _ in range(3):
            video.write(np.ascontiguousarray(srgb))
    (folder / "turn.bvh").write_text(BVH, encoding="utf-8")
    return blender.run(SCRIPT, HERE, folder, folder=folder, timeout=300), folder


@pytest.mark.parametrize("name", ["clip.mp4", "turn.bvh"])
def test_rendering_preview_and_export_take_the_file_at_the_scenes_frames(driven: Any, name: str) -> None:
    found, folder = driven
    job = Job.from_json(found[name]["render"])
    assert (job.motion, job.fps, job.motion_start, job.frames) == (str(folder / name), 50.0, 11, "11-13")
    assert found[name]["preview"] == [str(folder / name), 11, 12]
    exported = Job.from_json((folder / f"export {name}" / "job.json").read_text(encoding="utf-8"))
    assert exported.motion == f"motion{Path(name).suffix}"
    assert (folder / f"export {name}" / exported.motion).read_bytes() == (folder / name).read_bytes()


@pytest.mark.parametrize(("name", "last"), [("clip.mp4", 15), ("turn.bvh", 21)])
def test_the_core_reads_or_tracks_it_at_the_scenes_rate(
    driven: Any, models_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, last: int
) -> None:
    found, _ = driven
    monkeypatch.setenv("GIOCONDA_CACHE", str(tmp_path))
    motion = open_motion(Job.from_json(found[name]["render"]), lambda message: None)
    assert motion.fps == 50.0
    assert motion.frames.tolist() == list(range(11, last + 1))  # twice as many steps as the file has
