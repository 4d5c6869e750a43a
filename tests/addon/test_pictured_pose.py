"""Sliders from a picture: what a face does comes back as what would make it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SCRIPT = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, ARGS[0])
import studio
from bl_ext.user_default.gioconda.addon import expression, session
from bl_ext.user_default.gioconda.addon.pictured_pose import sliders_of
from bl_ext.user_default.gioconda.core.gioconda.landmarks import ARKIT, template
from bl_ext.user_default.gioconda.core.gioconda.motion.blendshapes import displacement
from bl_ext.user_default.gioconda.core.gioconda.pose import rotation_matrix

def face(yaw=0.0, **sliders):
    channels = np.zeros((1, 52))
    for name, value in expression.moved(sliders).items():
        channels[0, ARKIT.index(name)] = value
    points = template() + displacement(channels)[0]
    return 150 * points @ rotation_matrix(yaw=yaw).T + [200, 200, 0]

asked = {"jaw": 0.5, "smile": 0.6, "lid_left": 0.8, "brows": 0.5, "gaze_x": -0.5}
found = {"alone": sliders_of(face(12.0, **asked)), "same": sliders_of(face(5.0, **asked), face(5.0, **asked)),
         "beyond": sliders_of(face(0.0, smile=0.8), face(0.0, smile=0.3))}

folder = Path(ARGS[1])
studio.empty_file()
tree = studio.portrait(folder)
settings = tree.gioconda.expression

def pose(path):
    try:
        bpy.ops.gioconda.pose_from_picture(filepath=str(path))
    except RuntimeError as error:
        return str(error)
    return session.state(tree).note

found["said"] = pose(studio.PICTURE)
found["set"] = max(abs(getattr(settings, name)) for name in expression.SLIDERS)
wall = bpy.data.images.new("Wall", 64, 64)
wall.filepath_raw, wall.file_format = str(folder / "wall.png"), "PNG"
wall.save()
found["nobody"] = pose(folder / "wall.png")
found["missing"] = pose(folder / "gone.png")
session.stop_worker()
result(found)
"""


def test_a_face_comes_back_as_the_sliders_that_make_it(
    run_in_blender: Any, models_folder: Path, tmp_path: Path
) -> None:
    found = run_in_blender(SCRIPT, HERE, tmp_path, timeout=200)
    alone = found["alone"]
    for name, value in {"jaw": 0.5, "smile": 0.6, "lid_left": 0.8, "brows": 0.5, "gaze_x": -0.5}.items():
        assert abs(alone[name] - value) < 0.2, (name, alone[name])
    assert abs(alone["turn"] - 0.209) < 0.05 and abs(alone["lid_right"]) < 0.2
    assert max(map(abs, found["same"].values())) < 0.02
    assert abs(found["beyond"]["smile"] - 0.5) < 0.2
    assert "The sliders show the face of grace_hopper.jpg" in found["said"] and 0 < found["set"] <= 1.5
    assert "No face was found in wall.png" in found["nobody"]
    assert "There is no picture" in found["missing"]
