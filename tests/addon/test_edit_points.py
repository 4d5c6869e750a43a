"""Landmarks moved and placed with a mouse: the operators get the events a window would send them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gioconda.face.hand_placed import parse_points
from gioconda.landmarks import COUNT, NAMED, template

# Stands in for a window: an Image Editor of 900 × 900 pixels that shows a picture of 400 × 500 at twice its size.
WINDOW = """
import importlib, json
from types import SimpleNamespace as Thing
import numpy as np
A = "bl_ext.user_default.gioconda.addon"
part = lambda name: importlib.import_module(f"{A}.{name}")
overlay, lp = part("landmark_editor.overlay"), part("landmark_editor.landmark_points")
tree = bpy.data.node_groups.new("Portrait", "CompositorNodeTree")
tree.use_fake_user = True
settings = tree.gioconda
settings.is_portrait = True
settings.image = bpy.data.images.new("picture", 400, 500)
start = part("landmark_editor.landmark_points").lm.template() * 120 + [200, 200, 0]
settings.landmarks = settings.detected = lp.to_text(lp.Points((400, 500), start))
said = []
view2d = Thing(region_to_view=lambda x, y: ((x - 100) / 800, (y + 100) / 1000))
region = Thing(type="WINDOW", x=50, y=40, width=900, height=900, view2d=view2d)
sidebar = Thing(type="UI", x=800, y=40, width=150, height=900)
context = Thing(
    space_data=Thing(image=settings.image), area=Thing(regions=[region, sidebar], tag_redraw=lambda: None),
    workspace=Thing(status_text_set=said.append), preferences=Thing(system=Thing(ui_scale=1.0)),
    window_manager=Thing(modal_handler_add=lambda operator: None),
)
def operator(module, name):
    cls = getattr(part(f"operators.{module}"), name)
    own = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith(A):
            own |= {key: value for key, value in vars(base).items() if callable(value) and not key.startswith("__")}
    reports = []
    own |= {"report": lambda self, kind, text: reports.append(text), "reports": reports}
    return type(name, (), own)()
def send(what, type, value="PRESS", at=None, **keys):
    x, y = send.at = at or send.at
    event = Thing(type=type, value=value, shift=False, ctrl=False, alt=False, oskey=False)
    event.mouse_x, event.mouse_y = 150 + 2 * x, 40 + 900 - 2 * y
    for key, pressed in keys.items():
        setattr(event, key, pressed)
    return next(iter(what.modal(context, event)))
send.at = (0, 0)
def now():
    return np.array(lp.from_text(settings.landmarks).landmarks)
def drag(what, index, by, **keys):
    at = tuple(now()[index, :2])
    send(what, "MOUSEMOVE", "NOTHING", at=at, **keys)
    send(what, "LEFTMOUSE", at=at, **keys)
    send(what, "MOUSEMOVE", "NOTHING", at=(at[0] + by[0], at[1] + by[1]), **keys)
"""

EDIT = (
    WINDOW
    + """
found = {}
edit = operator("edit_points", "GIOCONDA_OT_edit_points")
found["begins"] = list(edit.invoke(context, None))
found["keys"] = said[-1]
drag(edit, 291, (15, -10))
found["hovered"] = overlay.editing.hovered
found["unsaved"] = float(np.abs(now() - start).max())
send(edit, "LEFTMOUSE", "RELEASE")
found["corner"] = (now() - start)[[291, 409, 61, 386]].tolist()
found["hand_placed"] = settings.hand_placed

drag(edit, 4, (30, 0))
send(edit, "ESC")
found["escaped"] = float((now() - start)[4].sum())

send(edit, "Z", ctrl=True)
found["undone"] = float(np.abs(now() - start).max())
send(edit, "Z", ctrl=True, shift=True)
found["redone"] = (now() - start)[291].tolist()
send(edit, "Z", ctrl=True)

send(edit, "X")
drag(edit, 291, (8, 4))
send(edit, "LEFTMOUSE", "RELEASE")
found["mirrored"] = (now() - start)[[291, 61]].tolist()
send(edit, "X")
send(edit, "Z", ctrl=True)

drag(edit, 386, (0, -6), shift=True)
send(edit, "WHEELUPMOUSE")
send(edit, "LEFTMOUSE", "RELEASE")
found["eye"] = (now() - start)[[386, 374, 473, 33]].tolist()
send(edit, "Z", ctrl=True)

at = tuple(now()[61, :2])
send(edit, "MOUSEMOVE", "NOTHING", at=at)
send(edit, "S")
send(edit, "MOUSEMOVE", "NOTHING", at=(at[0] - 20, at[1]))
send(edit, "LEFTMOUSE")
wider = np.ptp(now()[[61, 291], 0]) / np.ptp(start[[61, 291], 0])
found["scaled"] = float(wider)
send(edit, "Z", ctrl=True)

drag(edit, 468, (3, 2))
send(edit, "LEFTMOUSE", "RELEASE")
found["iris"] = (now() - start)[[468, 469, 472, 33, 159]].tolist()

found["sidebar"] = send(edit, "LEFTMOUSE", at=(345, 100))
found["navigation"] = send(edit, "MIDDLEMOUSE", at=(100, 100))
found["zoom"] = send(edit, "WHEELUPMOUSE")
found["leaves"] = [send(edit, "RET"), overlay.editing is None, said[-1]]
found["radius"] = settings.overlay.radius

context.space_data.image = None
found["poll"] = bpy.ops.gioconda.edit_points.poll()
context.space_data.image = settings.image
edit.invoke(context, None)
drag(edit, 4, (30, 0))
settings.is_portrait = False  # as if undone or deleted
found["gone"] = [send(edit, "MOUSEMOVE", "NOTHING"), overlay.editing is None]
settings.is_portrait = True
bpy.ops.wm.save_as_mainfile(filepath=ARGS[0])
bpy.ops.wm.open_mainfile(filepath=ARGS[0])
kept = next(tree for tree in bpy.data.node_groups if tree.name == "Portrait").gioconda
found["kept"] = kept.landmarks
result(found)
"""
)

PLACE = (
    WINDOW
    + """
found = {}
settings.landmarks = ""
place = operator("place_points", "GIOCONDA_OT_place_points")
found["begins"] = list(place.invoke(context, None))
found["first"] = said[-1]
def click(at):
    send(place, "LEFTMOUSE", at=at)
    send(place, "LEFTMOUSE", "RELEASE")
for name, hint in lp.GUIDE[:3]:
    click(tuple(start[lp.lm.NAMED[name], :2]))
send(place, "RET")
found["too_few"] = place.reports[-1]
guess = overlay.editing.guess
found["guess"] = float(np.abs(guess[:, :2] - start[:, :2]).max())
found["ring"] = overlay.editing.wanted
send(place, "SPACE")
found["skipped"] = overlay.editing.wanted
click((-30, 250))  # outside the picture
found["inside"] = overlay.editing.named["nose_tip"]
send(place, "BACK_SPACE")
send(place, "BACK_SPACE")
found["back"] = overlay.editing.wanted
for name, hint in lp.GUIDE[3:8]:
    click(tuple(start[lp.lm.NAMED[name], :2]))
found["enough"] = said[-1]
chin = tuple(start[152, :2])
send(place, "LEFTMOUSE", at=chin)
send(place, "MOUSEMOVE", "NOTHING", at=(chin[0], chin[1] + 8))
send(place, "LEFTMOUSE", "RELEASE")
found["done"] = [send(place, "RET"), overlay.editing is None, settings.hand_placed]
open(ARGS[0], "w").write(settings.landmarks)

again = operator("place_points", "GIOCONDA_OT_place_points")
again.invoke(context, None)
found["again"] = len(overlay.editing.named)
found["escaped"] = [send(again, "ESC"), overlay.editing is None]
result(found)
"""
)


def test_points_are_dragged_undone_mirrored_and_kept(run_in_blender: Callable[..., Any], tmp_path: Path) -> None:
    found = run_in_blender(EDIT, tmp_path / "edited.blend")
    assert found["begins"] == ["RUNNING_MODAL"] and "Ctrl Z" in found["keys"]
    assert found["hovered"] == [291] and found["unsaved"] < 0.01  # nothing is stored before the mouse is released
    corner, beside, other, lid = np.array(found["corner"])[:, :2]
    assert corner == pytest.approx([15, -10], abs=0.02) and found["hand_placed"]
    assert 2 < beside[0] < 15 and np.abs([other, lid]).max() < 0.02
    assert abs(found["escaped"]) < 0.01 and found["undone"] < 0.01
    assert found["redone"] == pytest.approx([15, -10, 0], abs=0.02)
    assert np.array(found["mirrored"])[:, :2] == pytest.approx(np.array([[8, 4], [-8, 4]]), abs=0.02)
    eye = np.array(found["eye"])[:, :2]
    assert eye[:3] == pytest.approx(np.array([[0, -6]] * 3), abs=0.02) and np.abs(eye[3]).max() < 0.02
    assert 1.2 < found["scaled"] < 2.0
    iris = np.array(found["iris"])[:, :2]
    assert iris == pytest.approx(np.array([[3, 2]] * 3 + [[0, 0]] * 2), abs=0.02)
    assert {found["sidebar"], found["navigation"], found["zoom"]} == {"PASS_THROUGH"}
    assert found["leaves"] == ["FINISHED", True, None] and found["radius"] > 0.2
    assert not found["poll"] and found["gone"] == ["FINISHED", True]
    assert len(json.loads(found["kept"])["landmarks"]) == COUNT


def test_points_are_placed_one_after_the_other(run_in_blender: Callable[..., Any], tmp_path: Path) -> None:
    found = run_in_blender(PLACE, tmp_path / "points.json")
    assert found["begins"] == ["RUNNING_MODAL"] and "outer corner of the eye on the picture's left" in found["first"]
    assert "at least 4" in found["too_few"] and found["guess"] < 1
    assert (found["ring"], found["skipped"], found["back"]) == ("eye_outer_left", "nose_tip", "eye_outer_left")
    assert found["inside"] == [0, 250] and "this is enough" in found["enough"]
    assert found["done"] == ["FINISHED", True, True]
    assert found["again"] == 8 and found["escaped"] == ["CANCELLED", True]
    text = (tmp_path / "points.json").read_text(encoding="utf-8")
    landmarks = parse_points(text, (400, 500), "points.json")  # core completes the face
    start = template() * 120 + [200, 200, 0]
    assert landmarks[NAMED["chin"], :2] == pytest.approx(start[152, :2] + [0, 8], abs=0.02)
    assert np.abs(landmarks[:, :2] - start[:, :2]).max() < 9
