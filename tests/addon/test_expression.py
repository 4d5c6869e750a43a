"""Expression sliders and animated gains: what of them a job, a preview and rendered frames get."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gioconda.cli.main import main
from gioconda.errors import ExitCode
from gioconda.imaging.image import read_picture
from gioconda.job.job import REST, Job
from gioconda.motion.curves import read_curves

HERE = Path(__file__).parent
SCRIPT = """
import sys
from math import degrees
from pathlib import Path
sys.path.insert(0, ARGS[0])
import studio
from bl_ext.user_default.gioconda.addon import expression, job, preview, rendering

found, folder = {}, Path(ARGS[1])
studio.empty_file()
tree = studio.portrait(folder, frames=4)
scene, sliders, gains = bpy.context.scene, tree.gioconda.expression, tree.gioconda.gains
scene.frame_set(2)

def preview_of():
    still = job.still_job(tree, folder=folder / "preview", output="####.exr")
    request, wanted = preview._request(preview.Live(tree.session_uid), tree, still)
    return [request["job"]["curves"], request["job"]["motion"], wanted]

found["nothing"] = job.job_of(tree, scene, folder=folder / "nothing").curves
found["preview of nothing"] = preview_of()
sliders.gaze_x = -0.5
found["constant"] = job.job_of(tree, scene, folder=folder / "constant").to_json()
found["preview of a constant"] = preview_of()
bpy.ops.gioconda.reset_expression()
found["reset"] = sliders.gaze_x

for frame, smile, turn, jaw in ((1, 0.0, 0.0, 1.0), (4, 0.8, 0.5, 0.25)):
    sliders.smile, sliders.turn, gains.jaw = smile, turn, jaw
    for path in ("expression.smile", "expression.turn", "gains.jaw"):
        tree.keyframe_insert(f"gioconda.{path}", frame=frame)
switch = bpy.data.objects.new("Switch", None)
scene.collection.objects.link(switch)
for frame, place in ((1, 0.0), (4, 3.0)):
    switch.location.x = place
    switch.keyframe_insert("location", index=0, frame=frame)
driver = tree.driver_add("gioconda.expression.lid_left").driver
driver.type, variable = "SCRIPTED", driver.variables.new()
variable.name, variable.targets[0].id, variable.targets[0].data_path = "x", switch, "location.x"
driver.expression = "x / 4"
scene.frame_set(2)
before = [scene.name for scene in bpy.data.scenes], [group.name for group in bpy.data.node_groups]
render = rendering.Rendering(tree, scene)
steps = render._with_motion()
while True:
    try:
        next(steps)
    except StopIteration as end:
        found["render"] = end.value.to_json()
        break
after = [scene.name for scene in bpy.data.scenes], [group.name for group in bpy.data.node_groups]
found["traces"] = before == after
found["frame"] = scene.frame_current
bpy.ops.gioconda.export_job(directory=str(folder / "export"))
names = {"gioconda.expression.smile": "smile", "gioconda.expression.turn": "turn", "gioconda.gains.jaw": "jaw"}
curves = {names[c.data_path]: c for c in studio.curves_of(tree) if c.data_path in names}
found["expected"] = [[f / 2, *(curves[n].evaluate(f / 2) for n in ("smile", "turn", "jaw"))] for f in range(0, 11)]
found["keyed"] = sorted(expression.keyed(tree))
bpy.ops.gioconda.key_expression()
found["all keyed"] = len([path for path in expression.keyed(tree) if path.startswith("expression.")])

alone = studio.portrait(folder, frames=2, output="alone/####.exr")
alone.gioconda.rig.target = None
alone.gioconda.expression.jaw = 0.0
alone.keyframe_insert("gioconda.expression.jaw", frame=1)
alone.gioconda.expression.jaw = 0.7
alone.keyframe_insert("gioconda.expression.jaw", frame=2)
scene.frame_set(2)
tree = alone
found["preview alone"] = preview_of()
bpy.ops.gioconda.export_job(directory=str(folder / "alone"), portrait=alone.name)
result(found)
"""


@pytest.fixture(scope="module")
def told(blender: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """What the script found, and its folder."""
    folder = tmp_path_factory.mktemp("expression")
    return blender.run(SCRIPT, HERE, folder, folder=folder, timeout=300), folder


def table(path: Path) -> dict[str, list[float]]:
    """Column → values."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_nothing_set_is_nothing_written(told: Any) -> None:
    found, folder = told
    assert found["nothing"] is None and found["preview of nothing"][0] is None
    assert not list((folder / "nothing").glob("*.csv"))


def test_a_slider_that_is_set_counts_in_every_frame(told: Any) -> None:
    found, _ = told
    job = Job.from_json(found["constant"])
    values = table(Path(job.curves or ""))
    assert values["frame"] == [1, 4]
    assert values["eyeLookInLeft"] == values["eyeLookOutRight"] == [0.5, 0.5]
    assert set(values) == {"frame", "eyeLookInLeft", "eyeLookOutRight"}
    assert found["reset"] == 0


def test_the_preview_follows_the_sliders(told: Any) -> None:
    found, _ = told
    assert found["preview of a constant"][0] is not None
    assert found["preview of a constant"][2] != found["preview of nothing"][2]
    assert found["preview alone"][1] == REST and '"jawOpen": 0.7' in found["preview alone"][2]


def test_keyed_and_driven_values_are_those_of_the_curves(told: Any) -> None:
    found, folder = told
    job = Job.from_json(found["render"])
    values = table(Path(job.curves or ""))
    expected = np.array(found["expected"])
    np.testing.assert_allclose(values["frame"], expected[:, 0])
    np.testing.assert_allclose(values["mouthSmileLeft"], expected[:, 1], atol=1e-5)
    np.testing.assert_allclose(values["headYaw"], np.degrees(expected[:, 2]), atol=1e-4)
    np.testing.assert_allclose(values["gain.jaw"], expected[:, 3], atol=1e-5)
    assert job.retarget["jaw"] == 1.0, "an animated gain does not depend on the frame that is shown"
    lid = dict(zip(values["frame"], values["eyeBlinkLeft"], strict=True))
    assert (lid[1.0], lid[4.0]) == (0.0, 0.75) and 0 < lid[1.5] < lid[2.0] < lid[3.0]
    assert found["keyed"] == ["expression.lid_left", "expression.smile", "expression.turn", "gains.jaw"]
    assert found["all keyed"] == 20
    exported = Job.from_json((folder / "export" / "job.json").read_text(encoding="utf-8"))
    assert exported.curves == "curves.csv"
    assert read_curves(folder / "export" / "curves.csv").span() == list(range(0, 6))


def test_reading_them_leaves_no_trace(told: Any) -> None:
    found, _ = told
    assert found["traces"] and found["frame"] == 2


def test_sliders_alone_move_the_portrait(told: Any, models_folder: Path) -> None:
    _, folder = told
    job = Job.from_json((folder / "alone" / "job.json").read_text(encoding="utf-8"))
    assert (job.motion, job.frames) == (REST, "1-2")
    assert main(["job", str(folder / "alone" / "job.json"), "--quiet"]) == ExitCode.OK
    still, moved = (read_picture(path).pixels for path in sorted((folder / "alone" / "frames").glob("*.exr"))[:2])
    changed = np.abs(moved - still)[..., :3].max(2) > 0.02
    rows, columns = np.nonzero(changed)
    assert changed.sum() > 200
    height, width = changed.shape
    assert 0.3 * height < np.median(rows) < 0.8 * height and 0.25 * width < np.median(columns) < 0.75 * width
