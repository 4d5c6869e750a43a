"""Render, change, undo six times, redo six times, ten rounds, in a real window: nothing crashes, nothing is lost.

    python3 tests/window/undo_torture.py dist/gioconda-0.1.0-linux_x64.zip portrait.jpg -o out/undo

Undo and redo are keys pressed over the compositor's editor while its backdrop is being composited. Says how often
Blender complained about users of its data. Runs where Blender is (see README.md).
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
from pathlib import Path

from screen import Screen, opened

ROUNDS, STEPS = 10, 6
PORTRAIT = "next(t for t in bpy.data.node_groups if t.gioconda.is_portrait)"
SESSION = "__import__('sys').modules['bl_ext.user_default.gioconda.addon.session']"

SETUP = """
bpy.ops.extensions.package_install_files(filepath={package!r}, repo="user_default", enable_on_install=True)
bpy.context.preferences.edit.use_global_undo = True
"""
PREPARE = """
bpy.ops.wm.save_as_mainfile(filepath={blend!r})
window = bpy.context.window_manager.windows[0]
area = max(window.screen.areas, key=lambda area: area.width * area.height)
area.ui_type = "CompositorNodeTree"
scene = bpy.context.scene
scene.frame_start, scene.frame_end = 1, 3
mesh = bpy.data.meshes.new("Head")
mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 0, 1)], [], [(0, 1, 2)])
head = bpy.data.objects.new("Head", mesh)
scene.collection.objects.link(head)
head.shape_key_add(name="Basis")
for name in ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "eyeBlinkLeft", "eyeBlinkRight"):
    head.shape_key_add(name=name).value = 0.0
jaw = mesh.shape_keys.key_blocks["jawOpen"]
for frame, value in ((1, 0.0), (3, 0.8)):
    jaw.value = value
    jaw.keyframe_insert("value", frame=frame)
image = bpy.data.images.load({portrait!r})
region = next(region for region in area.regions if region.type == "WINDOW")
with bpy.context.temp_override(window=window, area=area, region=region):
    bpy.ops.gioconda.add_portrait(image=image.name)
settings = {tree}.gioconda
settings.rig.target = head
settings.right, settings.right_who = "public_domain", "The undo torture"
scene.render.resolution_x, scene.render.resolution_y = image.size
if hasattr(area.spaces.active, "node_tree") and bpy.app.version >= (5, 0, 0):
    area.spaces.active.node_tree = scene.compositing_node_group
bpy.ops.ed.undo_push(message="Prepared")
"""
RENDER = """
bpy.ops.gioconda.render_portrait("INVOKE_DEFAULT")
"""
CHANGE = """
settings = {tree}.gioconda
settings.gains.jaw = {value}
bpy.ops.ed.undo_push(message="Jaw")
settings.passes = {passes}
bpy.ops.ed.undo_push(message="Passes")
bpy.context.scene.frame_set({frame})
"""
FOUND = """
tree = {tree}
answer = [tree.gioconda.image and tree.gioconda.image.name, tree.gioconda.rig.target and tree.gioconda.rig.target.name,
          tree.gioconda.shown.output, tree.gioconda.shown.first, tree.gioconda.shown.last,
          tree.nodes["Picture"].image and tree.nodes["Picture"].image.name]
"""


def torture(screen: Screen, package: Path, portrait: Path, work: Path) -> None:
    """All rounds. Raises RuntimeError where Blender ended or something was lost."""
    screen.do(SETUP.format(package=str(package)), seconds=300)
    screen.do(PREPARE.format(blend=str(work / "undo.blend"), portrait=str(portrait), tree=PORTRAIT), seconds=120)
    screen.shot("00-prepared", settle=3)
    left, top, width, height = screen.region("CompositorNodeTree", "WINDOW")
    for number in range(1, ROUNDS + 1):
        screen.do(RENDER)
        screen.wait(f"{SESSION}.task_of({PORTRAIT}) is None", seconds=240)
        error = screen.do(f"answer = {SESSION}.state({PORTRAIT}).last_error")
        if error:
            raise RuntimeError(f"round {number}: {error}")
        passes = {"Combined", "Matte", "Depth"} if number % 2 else {"Combined", "Matte", "UV"}
        screen.do(CHANGE.format(tree=PORTRAIT, value=0.5 + number / 20, passes=passes, frame=1 + number % 3))
        screen.hover(left + width / 2, top + height / 2)
        for key in ("ctrl+z", "ctrl+shift+z"):
            screen.key(*[key] * STEPS)
        screen.wait(f"{PORTRAIT}.nodes['Picture'].image.source == 'SEQUENCE'", seconds=30)
        found = screen.do(FOUND.format(tree=PORTRAIT))
        print(f"round {number}: {found}", flush=True)
        if None in found or not found[2]:
            raise RuntimeError(f"round {number}: something was lost: {found}")
        if number in (1, ROUNDS):
            screen.shot(f"{number:02d}-round", settle=3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("package", "portrait"):
        parser.add_argument(name, type=lambda text: Path(text).resolve())
    parser.add_argument("-o", "--output", type=Path, default=Path("out/undo"), help="where pictures go")
    parser.add_argument("--blender", default="blender", help="the command that starts Blender 4.2 or newer")
    parser.add_argument("--display", type=int, default=78, help="number of the virtual screen")
    arguments = parser.parse_args()
    output = arguments.output.resolve()
    work = output / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    with opened(shlex.split(arguments.blender), arguments.display, output, work / "profile") as screen:
        torture(screen, arguments.package, arguments.portrait, work)
    complaints = (output / "blender.log").read_text(encoding="utf-8", errors="replace").count("user decrement error")
    print(f"{ROUNDS} rounds, no crash, nothing lost; {complaints} lines of “user decrement error”")


if __name__ == "__main__":
    sys.exit(main())
