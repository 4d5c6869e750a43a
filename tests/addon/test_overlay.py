"""What the Image Editor shows over the portrait: shapes where they belong, and no trace after switching off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

SCRIPT = """
import importlib, json
from types import SimpleNamespace as Thing
import numpy as np
A = "bl_ext.user_default.gioconda.addon"
part = lambda name: importlib.import_module(f"{A}.{name}")
overlay, shapes, lp = (part(f"landmark_editor.{name}") for name in ("overlay", "overlay_shapes", "landmark_points"))
tree = bpy.data.node_groups.new("Portrait", "CompositorNodeTree")
settings = tree.gioconda
settings.is_portrait = True
settings.image = bpy.data.images.new("picture", 400, 500)
points = lp.lm.template() * 120 + [200, 200, 0]
settings.landmarks = lp.to_text(lp.Points((400, 500), points))
found = {}

region = Thing(view2d=Thing(region_to_view=lambda x, y: ((x - 100) / 800, (y - 50) / 1000)))
view = overlay.view_of(region, (400, 500))
found["corners"] = view.to_region(np.array([[0, 0], [400, 500]])).tolist()
found["back"] = view.to_picture(900, 50)
drawn = shapes.shapes_for(settings, None, view, 1.0)
found["kinds"] = sorted({shape.kind for shape in drawn})
found["count"] = len(drawn)
everything = np.concatenate([shape.points for shape in drawn])
face = view.to_region(points)
found["bounds"] = [everything.min(0).tolist(), everything.max(0).tolist(), face.min(0).tolist(), face.max(0).tolist()]
found["finite"] = bool(np.isfinite(everything).all())

settings.faces = json.dumps([[10, 20, 110, 140], [250, 30, 330, 130]])
settings.face = 2
boxes = shapes.shapes_for(settings, None, view, 1.0)[:2]
found["box"] = boxes[1].points.tolist()
found["chosen_differs"] = boxes[0].colour != boxes[1].colour
boxes = shapes.faces_of(settings.faces)
found["hits"] = [shapes.face_at(boxes, *at) for at in ((50, 50), (300, 100), (200, 100))]
settings.overlay.faces = settings.overlay.landmarks = False
found["hidden"] = len(shapes.shapes_for(settings, None, view, 1.0))
found["bad_boxes"] = shapes.faces_of("[[1,2],[3]") + shapes.faces_of("null") + shapes.faces_of('[["a",1,2,3]]')

matte = np.zeros((3000, 1000)); matte[:100] = 1
tint = shapes.thinned(matte)
found["tint"] = [tint.shape, float(tint[-1, 0, 3]), float(tint[0, 0, 3])]

found["shown"] = overlay.shown_portrait(Thing(image=settings.image)) == tree
found["other"] = [overlay.shown_portrait(Thing(image=bpy.data.images.new("other", 2, 2))), overlay.shown_portrait(None)]
settings.landmarks = "nonsense"
try:
    shapes.shapes_for(settings, None, view, 1.0)
except Exception as error:
    found["damaged"] = [type(error).__name__, str(error)]
overlay.draw()  # with no window at all: it must say nothing and raise nothing

found["handler"] = overlay._handle is not None
import addon_utils
addon_utils.disable("bl_ext.user_default.gioconda")
found["gone"] = overlay._handle is None
addon_utils.enable("bl_ext.user_default.gioconda")
found["again"] = part("landmark_editor.overlay")._handle is not None
result(found)
"""


def test_shapes_lie_where_the_picture_is_shown(run_in_blender: Callable[..., Any]) -> None:
    found = run_in_blender(SCRIPT)
    assert found["corners"] == [pytest.approx([100, 1050]), pytest.approx([900, 50])]
    assert found["back"] == pytest.approx([400, 500])
    assert found["kinds"] == ["lines"] and found["count"] == 11 and found["finite"]
    low, high, face_low, face_high = np.array(found["bounds"])
    assert np.abs(low - face_low).max() < 2 and np.abs(high - face_high).max() < 2
    assert found["box"][0] == pytest.approx([600, 990]) and found["box"][2] == pytest.approx([760, 790])
    assert found["chosen_differs"] and found["hits"] == [1, 2, 0] and found["hidden"] == 0
    assert found["bad_boxes"] == []
    assert found["tint"] == [[500, 167, 4], 1.0, 0.0]
    assert found["shown"] and found["other"] == [None, None]
    assert found["damaged"][0] == "InputError" and "analyse the portrait again" in found["damaged"][1]
    assert found["handler"] and found["gone"] and found["again"]
