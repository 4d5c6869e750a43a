"""Analyse portrait, with the real worker: one face, several, none, points placed by hand, cancelled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HOPPER = Path(__file__).resolve().parents[2] / "core/gioconda/cli/grace_hopper.jpg"

START = """
import importlib, json
import numpy as np
A = "bl_ext.user_default.gioconda.addon"
part = lambda name: importlib.import_module(f"{A}.{name}")
analysis, session, lp = part("analysis"), part("session"), part("landmark_editor.landmark_points")
tree = bpy.data.node_groups.new("Portrait", "CompositorNodeTree")
tree.gioconda.is_portrait = True
compositor = part("compositing.compositor")
compositor.add_group(compositor.scene_tree(bpy.context.scene, create=True), tree)
settings = tree.gioconda
def show(path):
    settings.image = bpy.data.images.load(path)
"""

FACES = (
    START
    + """
found = {}
show(ARGS[0])
found["one"] = list(bpy.ops.gioconda.analyse_portrait())
points = lp.from_text(settings.landmarks)
found["size"], found["landmarks"] = points.size, points.landmarks.tolist()
found["person"] = bool(settings.person) and bpy.data.images.load(settings.person).size[:]
found["same"] = settings.detected == settings.landmarks and not settings.hand_placed
found["record"] = [session.state(tree).progress, session.state(tree).last_error]

width, height = settings.image.size
pixels = np.empty(width * height * 4, np.float32)
settings.image.pixels.foreach_get(pixels)
twins = bpy.data.images.new("twins", 2 * width, height)
twins.pixels.foreach_set(np.concatenate(2 * [pixels.reshape(height, width, 4)], axis=1).ravel())
settings.image = twins
found["forgotten"] = [settings.landmarks, settings.faces, settings.detected]
found["several"] = list(bpy.ops.gioconda.analyse_portrait())
found["boxes"] = json.loads(settings.faces)
found["undecided"] = settings.landmarks
found["told"] = session.state(tree).note
bpy.ops.gioconda.choose_face("EXEC_DEFAULT", number=2)
found["chosen"] = settings.face
found["second"] = lp.from_text(settings.landmarks).landmarks.tolist()
try:
    bpy.ops.gioconda.choose_face("EXEC_DEFAULT", number=7)
except RuntimeError as error:
    found["seventh"] = str(error)
result(found)
"""
)

NOBODY = (
    START
    + """
found = {}
picture = bpy.data.images.new("plain", 320, 400)
picture.generated_color = (0.6, 0.5, 0.4, 1)
settings.image = picture
found["nobody"] = list(bpy.ops.gioconda.analyse_portrait())
found["error"] = session.state(tree).last_error
named = {"eye_outer_right": (100, 150), "eye_outer_left": (220, 150), "nose_tip": (160, 210), "chin": (160, 300)}
settings.landmarks = lp.to_text(lp.Points((320, 400), None, named))
settings.hand_placed = True
found["completed"] = list(bpy.ops.gioconda.analyse_portrait(complete=True))
found["by_hand"] = settings.hand_placed
found["landmarks"] = lp.from_text(settings.landmarks).landmarks.tolist()
found["after"] = session.state(tree).last_error
settings.landmarks = lp.to_text(lp.Points((320, 400), None, {"chin": (160, 300)}))
try:
    bpy.ops.gioconda.analyse_portrait(complete=True)
    found["too_few"] = ""
except RuntimeError as error:
    found["too_few"] = str(error)

under_way = analysis.start(tree, bpy.context)
found["running"] = analysis.of(tree) is under_way and not bpy.ops.gioconda.analyse_portrait.poll()
under_way.cancel()
under_way.cancel()
found["cancelled"] = [under_way.outcome, analysis.of(tree) is None, session.state(tree).progress]

import signal, time
session.worker()._process.kill()
time.sleep(0.3)
found["again"] = list(bpy.ops.gioconda.analyse_portrait())
process = session.worker()._process
process.send_signal(signal.SIGSTOP)  # or it may have answered by the time it is killed
under_way = analysis.start(tree, bpy.context)
process.kill()
for _ in range(200):
    session.pump()
    if under_way.outcome:
        break
    time.sleep(0.02)
found["killed"] = [under_way.outcome, under_way.text, session.state(tree).progress]
result(found)
"""
)


def test_faces_are_found_and_one_of_several_is_chosen(run_in_blender: Callable[..., Any]) -> None:
    found = run_in_blender(FACES, HOPPER, timeout=300)
    assert found["one"] == ["FINISHED"] and found["same"] and found["record"] == [None, ""]
    landmarks, (width, height) = np.array(found["landmarks"]), found["size"]
    assert landmarks.shape == (478, 3) and max(found["person"]) <= 1024
    assert (landmarks[:, :2] > 0).all() and (landmarks[:, :2] < [width, height]).all()
    assert found["forgotten"] == ["", "", ""]  # what was found in another picture
    assert found["several"] == ["FINISHED"] and found["undecided"] == "" and len(found["boxes"]) == 2
    assert "2 faces" in found["told"]
    left, _, right, _ = found["boxes"][1]
    moved = np.array(found["second"]) - landmarks
    assert found["chosen"] == 2 and left > width and right > width
    assert np.abs(moved[:, :2] - [width, 0]).max() < 0.03 * width  # the same face, one picture farther
    assert "choose 1 to 2" in found["seventh"]


def test_nobody_found_leads_to_points_placed_by_hand(run_in_blender: Callable[..., Any]) -> None:
    found = run_in_blender(NOBODY, timeout=300)
    assert found["nobody"] == ["CANCELLED"]
    assert "No face was found in plain" in found["error"] and "place a few points by hand" in found["error"]
    assert found["completed"] == ["FINISHED"] and found["by_hand"] and found["after"] == ""
    assert np.abs(np.array(found["landmarks"])[152, :2] - [160, 300]).max() < 0.1
    assert "at least 4" in found["too_few"]
    assert found["running"] and found["cancelled"] == ["cancelled", True, None]
    assert found["again"] == ["CANCELLED"]  # a dead worker is started anew; there is still nobody
    outcome, text, progress = found["killed"]
    assert outcome == "failed" and text.endswith(".") and progress is None
