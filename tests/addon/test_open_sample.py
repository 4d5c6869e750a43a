"""The sample: it opens in a scene of its own and moves as a job without any rig."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gioconda.cli.main import main
from gioconda.errors import ExitCode
from gioconda.imaging.exr import is_whole
from gioconda.job.job import REST, Job

SCRIPT = """
from pathlib import Path
folder = Path(ARGS[0])
bpy.ops.wm.read_factory_settings(use_empty=True)
import addon_utils
addon_utils.enable("bl_ext.user_default.gioconda", default_set=True)
from bl_ext.user_default.gioconda.addon.compositing import nodes
from bl_ext.user_default.gioconda.addon.operators import export_job, open_sample

bpy.ops.gioconda.open_sample()
scene = bpy.data.scenes[open_sample.NAME]
(tree,) = nodes.portraits(scene)
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "sample.blend"))
path = export_job.export(tree, scene, folder / "job")
result({"job": str(path), "size": [scene.render.resolution_x, scene.render.resolution_y],
        "scenes": len(bpy.data.scenes), "end": scene.frame_end})
"""


def test_it_opens_and_renders_without_any_rig(run_in_blender: Any, models_folder: Path, tmp_path: Path) -> None:
    found = run_in_blender(SCRIPT, tmp_path)
    assert found["size"] == [512, 600] and found["scenes"] == 2 and found["end"] == 72
    job = Job.from_json(Path(found["job"]).read_text(encoding="utf-8"))
    assert (job.motion, job.frames) == (REST, "1-72")
    assert main(["job", found["job"], "--frames", "1-72x40", "--quiet"]) == ExitCode.OK
    frames = sorted((tmp_path / "job" / "frames").glob("*.exr"))
    assert len(frames) == 2 and all(is_whole(frame) for frame in frames)
