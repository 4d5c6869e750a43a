"""Looking for the face on a mesh runs beside the window: short steps, progress, and an end when nobody wants it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

RIG = Path(__file__).resolve().parents[3] / "shared" / "data" / "rigs" / "makehuman_head_facebones_poseunits60f.blend"
SCRIPT = """
    import time
    from bl_ext.user_default.gioconda.addon import session
    from bl_ext.user_default.gioconda.addon.rig.map import automap
    from bl_ext.user_default.gioconda.addon.rig.steps import StepsTask

    def run(cancel_at=""):
        tree = bpy.data.node_groups["Portrait"]
        task = StepsTask(tree, automap.auto_map_steps(tree, bpy.context.scene))
        session.start(task, first=True)
        stages, longest = [], 0.0
        while task in session._session.tasks:
            since = time.thread_time()  # of the processor: other programs do not count
            session.pump()
            longest = max(longest, time.thread_time() - since)
            stage = session.state(tree).stage
            if stage and stage not in stages:
                stages.append(stage)
            if cancel_at and stage.startswith(cancel_at):
                task.cancel()
        return {"outcome": task.outcome, "text": task.text, "stages": stages, "longest": longest,
                "waiting": len(session._session.waiting), "found": tree.gioconda.rig.found,
                "left": [len(bpy.data.scenes), session.state(tree).progress]}

    bpy.ops.wm.open_mainfile(filepath=ARGS[0])
    tree = bpy.data.node_groups.new("Portrait", "CompositorNodeTree")
    tree.gioconda.rig.target = next(ob for ob in bpy.data.objects if ob.type == "ARMATURE")
    found = {"cancelled": run("Finding the face"), "first": run(), "warm": run()}
    uid = tree.session_uid
    tree.gioconda.rig.found = ""
    steps = automap.auto_map_steps(tree, bpy.context.scene)
    next(steps)
    bpy.data.node_groups.remove(tree)
    try:
        list(steps)
    except Exception as error:
        found["deleted"] = f"{type(error).__name__}: {error}"
    session.stop_worker()
    result(found)
"""


@pytest.mark.skipif(not RIG.is_file(), reason="the rigs are not here: ../shared/data/rigs")
def test_the_window_goes_on_while_a_face_is_looked_for(run_in_blender: Any) -> None:
    found = run_in_blender(SCRIPT, RIG, timeout=200)
    cancelled, first, warm = found["cancelled"], found["first"], found["warm"]
    assert cancelled["outcome"] == "cancelled" and cancelled["found"] == "" and cancelled["waiting"] == 0
    for done in (first, warm):
        print(f"longest round {1000 * done['longest']:.0f} ms; {done['stages']}")
        assert done["outcome"] == "done" and done["found"] == "MESH", done["text"]
        assert any(stage.startswith("Finding the face") for stage in done["stages"])
        assert done["left"] == [1, None]
        assert done["longest"] < 0.2
    # other work on the machine makes a processor slower, too: the better of both runs counts
    assert min(first["longest"], warm["longest"]) < 0.1
    assert found["deleted"].startswith("RigError: ")
