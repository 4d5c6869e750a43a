"""Run inside Blender: render, render again, two portraits, the window's patience, a job for a farm, other files.
ARGS: this folder, a folder for files."""

import sys

sys.path.insert(0, ARGS[0])  # noqa: F821 - given by the frame around this script

import time
from pathlib import Path
from types import SimpleNamespace

import bpy
import studio
from bl_ext.user_default.gioconda.addon import rendering, session
from bl_ext.user_default.gioconda.addon.compositing import compositor, nodes
from bl_ext.user_default.gioconda.addon.operators import render as operator

OUT = Path(ARGS[1])  # noqa: F821
found = {}
FRAMES = 4


def stamps():
    return {path.name: path.stat().st_mtime_ns for path in (OUT / "out").glob("*.exr")}


# By the operator, as `blender -b` does it: it waits.
tree = studio.portrait(OUT, frames=FRAMES)
scene = bpy.context.scene
found["first"] = [sorted(bpy.ops.gioconda.render_portrait()), session.state(tree).note, sorted(stamps())]

# Again: nothing to do. Another jaw at the end: only what looks different is rendered.
before = stamps()
bpy.ops.gioconda.render_portrait()
found["again"] = [stamps() == before, session.state(tree).note]
keys = tree.gioconda.rig.target.data.shape_keys
smile = keys.key_blocks["mouthSmileLeft"]
for frame, value in ((1, 0.0), (4, 1.0)):
    smile.value = value
    smile.keyframe_insert("value", frame=frame)
for curve in studio.curves_of(keys):
    if "mouthSmileLeft" in curve.data_path:
        for point in curve.keyframe_points:
            point.interpolation = "CONSTANT"
bpy.ops.gioconda.render_portrait()
found["changed"] = sorted(name for name, stamp in stamps().items() if before[name] != stamp)
(OUT / "out" / "0003.exr").unlink()
before = stamps()
bpy.ops.gioconda.render_portrait()
found["missing"] = [name for name, stamp in stamps().items() if before.get(name) != stamp]

# A wider range: the frame at rest moves or stays, the node shows all.
scene.frame_end = FRAMES + 1
bpy.ops.gioconda.render_portrait()
shown = tree.gioconda.shown
found["wider"] = [shown.first, shown.last, shown.rest]

# As in a window: a modal operator that only looks; rounds by the timer. How long is one round?
scene.frame_end = 24
tree.gioconda.draft = True
session._session.longest = 0.0
kind = operator.GIOCONDA_OT_render_portrait
fake = SimpleNamespace(_timer=None, REPORTS=kind.REPORTS, FINISHED=kind.FINISHED, reports=[])
fake.report = lambda kind, text: fake.reports.append(text)
fake._end = lambda: kind._end(fake)
fake.work = rendering.render(tree, scene)
manager = SimpleNamespace(event_timer_remove=lambda timer: None)
window = SimpleNamespace(window_manager=manager)
tick = SimpleNamespace(type="TIMER", value="NOTHING")
rounds, answers = [], []
while fake.work in session._session.tasks:
    wall, own = time.perf_counter(), time.thread_time()
    session.pump()
    answers.append(kind.modal(fake, window, tick))
    rounds.append((time.perf_counter() - wall, time.thread_time() - own))
    idle = time.perf_counter()
    time.sleep(session.BUSY_SECONDS)
    rounds[-1] = (*rounds[-1], time.perf_counter() - idle - session.BUSY_SECONDS)
found["window"] = [fake.work.outcome, sorted(set(map(tuple, map(sorted, answers))))]
found["longest"] = [max(column) for column in zip(*rounds, strict=True)]
found["stamped"] = session._session.longest >= found["longest"][0] - 0.01
scene.frame_end = FRAMES
tree.gioconda.draft = False

# Esc.
fake.work = rendering.render(tree, scene)
session.pump()
escape = SimpleNamespace(type="ESC", value="PRESS")
kind.modal(fake, window, escape)
studio.until(lambda: fake.work not in session._session.tasks)
found["escape"] = fake.work.outcome

# Two portraits: one after the other. Never to the same files.
tree.gioconda.draft = True
bpy.ops.gioconda.add_portrait(image=tree.gioconda.image.name)
other = scene.gioconda_portrait
other.gioconda.rig.target = tree.gioconda.rig.target
other.gioconda.right, other.gioconda.right_who = "public_domain", "Gioconda's tests"
other.gioconda.output = tree.gioconda.output
found["same files"] = studio.sentence(bpy.ops.gioconda.render_portrait, portrait=other.name)
other.gioconda.output = str(OUT / "other" / "####.exr")
tasks = [rendering.render(tree, scene), rendering.render(other, scene)]
studio.until(lambda: not any(task in session._session.tasks for task in tasks), 300)
found["two"] = [task.outcome for task in tasks]
found["shown by both"] = [compositor.picture_node(one).image.filepath for one in (tree, other)]

# Undone while it is rendered: frames stay, nothing crashes.
bpy.ops.ed.undo_push(message="before")
settings = tree.gioconda
settings.gains.jaw = 0.5
bpy.ops.ed.undo_push(message="jaw")
name = tree.name
task = rendering.render(tree, scene)
for _ in range(3):
    session.pump()
found["undo"] = [sorted(bpy.ops.ed.undo()) if bpy.ops.ed.undo.poll() else ["CANCELLED"]]
studio.until(lambda: task not in session._session.tasks, 300)
tree = bpy.data.node_groups[name]
found["undo"] += [task.outcome, round(tree.gioconda.gains.jaw, 3), compositor.picture_node(tree).image.source]

# A folder for a farm.
scene = bpy.context.scene
bpy.ops.gioconda.render_portrait(portrait=name)  # with the settings as they are after the undo
found["export"] = [sorted(bpy.ops.gioconda.export_job(directory=str(OUT / "job"), portrait=name))]
found["export"] += [sorted(path.name for path in (OUT / "job").iterdir())]

# A second scene, and the first as a library.
second = bpy.data.scenes.new("Second")
compositor.scene_tree(second, create=True)
compositor.add_group(compositor.scene_tree(second), tree)
found["scenes"] = [nodes.scene_of(tree, bpy.context).name, [len(nodes.portraits(each)) for each in bpy.data.scenes]]
bpy.ops.wm.save_as_mainfile(filepath=str(OUT / "library.blend"))
studio.empty_file()
with bpy.data.libraries.load(str(OUT / "library.blend"), link=True) as (there, here):
    here.node_groups = [name]
linked = bpy.data.node_groups[name]
node = compositor.add_group(compositor.scene_tree(bpy.context.scene, create=True), linked)
studio.see(node.outputs["Image"])
nodes.refresh(linked)
found["linked"] = [session.active_portrait(bpy.context) == linked, studio.sentence(bpy.ops.gioconda.render_portrait)]
found["linked pixels"] = float(studio.pixels(2)[..., :3].mean())
result(found)  # noqa: F821
