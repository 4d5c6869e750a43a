"""What an artist does, from installing the extension to a composited shot, by hand: clicks on what is written.

    python3 tests/window/walk.py dist/gioconda-0.1.0-linux_x64.zip portrait.jpg rig.blend -o out/window

Every step leaves a picture. Runs where Blender is (see README.md); needs nothing but Python's standard library.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from screen import SIZE, Screen, opened

TAB = "Gioconda"
EDITOR, VIEW, IMAGE = "CompositorNodeTree", "VIEW_3D", "IMAGE_EDITOR"
PORTRAIT = "next(t for t in bpy.data.node_groups if t.gioconda.is_portrait)"
SESSION = "__import__('sys').modules['bl_ext.user_default.gioconda.addon.session']"
AREA = "area = next(a for a in bpy.context.window_manager.windows[0].screen.areas if a.ui_type == {0!r})\n"
SHOW_TAB = """
area = next(a for a in bpy.context.window_manager.windows[0].screen.areas if a.ui_type == {0!r})
area.spaces.active.show_region_ui = True
"""
CHOOSE_TAB = """
area = next(a for a in bpy.context.window_manager.windows[0].screen.areas if a.ui_type == {0!r})
next(r for r in area.regions if r.type == "UI").active_panel_category = {1!r}
area.tag_redraw()
"""

FIT = """
{0}
region = next(r for r in area.regions if r.type == "WINDOW")
with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=area, region=region):
    bpy.ops.{1}
"""
ENABLE = """
bpy.ops.preferences.addon_enable(module="bl_ext.user_default.gioconda")
bpy.ops.wm.open_mainfile(filepath={0!r}, load_ui=True)
"""
COMPOSITE = """
tree = bpy.context.scene.node_tree
portrait = next(n for n in tree.nodes if n.type == "GROUP")
blur = tree.nodes.new("CompositorNodeBlur")
blur.size_x = blur.size_y = 12
over = tree.nodes.new("CompositorNodeMixRGB")
over.label = "Person over Blurred Background"
tree.links.new(portrait.outputs["Image"], blur.inputs["Image"])
tree.links.new(portrait.outputs["Matte"], over.inputs["Fac"])
tree.links.new(blur.outputs["Image"], over.inputs[1])
tree.links.new(portrait.outputs["Image"], over.inputs[2])
x, y = portrait.location
blur.location, over.location = (x + 240, y - 140), (x + 460, y)
for node in tree.nodes:
    if node.type in {"COMPOSITE", "VIEWER"}:
        tree.links.new(over.outputs["Image"], node.inputs["Image"])
        node.location = x + 700, y if node.type == "COMPOSITE" else y - 180
"""
SHOWN = 120  # a frame of the take with a lively face


@dataclass(frozen=True)
class Walk:
    """The walk's surroundings."""

    screen: Screen
    package: Path
    portrait: Path
    rig: Path
    work: Path  # where the .blend and the frames go

    def tab(self, editor: str) -> tuple[int, int, int, int]:
        """Open the sidebar of an editor at our tab. Returns where it is on the screen."""
        self.screen.do(SHOW_TAB.format(editor))
        self.screen.shot("last", settle=1)
        self.screen.do(CHOOSE_TAB.format(editor, TAB))
        self.screen.shot("last", settle=1)
        return self.screen.region(editor, "UI")

    def scroll(self, editor: str, notches: int) -> None:
        """Turn the wheel over an editor's sidebar, down where positive."""
        left, top, width, height = self.screen.region(editor, "UI")
        self.screen.hover(left + width / 3, top + height / 2)
        for _ in range(abs(notches)):
            self.screen.press_at(left + width / 3, top + height / 2, button=5 if notches > 0 else 4, pause=0)

    def fit(self, operator: str, editor: str) -> None:
        """Let an editor show everything it has."""
        self.screen.do(FIT.format(AREA.format(editor), operator))

    def measure(self, what: str) -> None:
        """How long the window had to wait for us at most."""
        seconds = self.screen.do(f"answer = {SESSION}.longest_round()")
        print(f"  longest wait of the window during {what}: {seconds * 1000:.0f} ms", flush=True)

    def choose_file(self, path: Path) -> None:
        """In an open file browser: go to the folder, name the file, press Enter over the list."""
        self.screen.wait("any(a.type == 'FILE_BROWSER' for a in bpy.context.window_manager.windows[0].screen.areas)")
        self.screen.shot("last", settle=2)
        self.screen.do(
            "area = next(a for a in bpy.context.window_manager.windows[0].screen.areas if a.type == 'FILE_BROWSER')\n"
            f"params = area.spaces.active.params; params.directory = {f'{path.parent}/'.encode()!r}\n"
            f"params.filename = {path.name!r}"
        )
        self.screen.shot("browser", settle=2)
        left, top, width, height = self.screen.region("FILES", "WINDOW")
        self.screen.hover(left + width / 2, top + height * 0.9)
        self.screen.key("Return")
        self.screen.shot("last", settle=2)


def install(walk: Walk) -> None:
    """From the zip on disk, as the preferences do it."""
    screen = walk.screen
    screen.do("p = bpy.context.preferences.view; p.filebrowser_display_type = p.render_display_type = 'SCREEN'")
    screen.do(
        "area = next(a for a in bpy.context.window_manager.windows[0].screen.areas if a.type == 'VIEW_3D')\n"
        "area.ui_type = 'PREFERENCES'; bpy.context.preferences.active_section = 'EXTENSIONS'"
    )
    screen.shot("01-extensions")
    left, top, width, _ = screen.region("PREFERENCES", "WINDOW")
    screen.press_at(left + width - 20, top + 19)  # the arrow beside Repositories: it has no words
    screen.click("Install from Disk")
    walk.choose_file(walk.package)
    screen.wait("'bl_ext.user_default.gioconda' in bpy.context.preferences.addons", seconds=240)
    screen.shot("02-installed")
    screen.do("bpy.context.preferences.active_section = 'ADDONS'")
    screen.shot("03-preferences")
    screen.do(
        "area = next(a for a in bpy.context.window_manager.windows[0].screen.areas if a.ui_type == 'PREFERENCES')"
    )
    screen.do("area.ui_type = 'VIEW_3D'")


def add(walk: Walk) -> None:
    """Compositing, Add, Gioconda Portrait; then the picture."""
    screen = walk.screen
    screen.do(f"bpy.ops.wm.save_as_mainfile(filepath={str(walk.work / 'shot.blend')!r})")
    screen.click("Compositing", (0, 0, 1400, 30))
    screen.shot("last", settle=3)
    box = walk.tab(EDITOR)
    screen.shot("04-empty")
    screen.click("Add Gioconda Portrait", box)
    screen.shot("05-added")
    screen.click("Open", box)
    walk.choose_file(walk.portrait)
    screen.wait(f"{PORTRAIT}.gioconda.image is not None")
    screen.shot("06-portrait")


def analyse(walk: Walk) -> None:
    """Find the face and look at it in the Image Editor."""
    screen = walk.screen
    screen.do(f"{AREA.format('DOPESHEET')}area.ui_type = 'IMAGE_EDITOR'")
    box = walk.tab(EDITOR)
    screen.click("Analyse", box)
    screen.shot("07-analysing", settle=0.5)
    screen.wait(f"{PORTRAIT}.gioconda.landmarks", seconds=600)  # the first time, the renderer is compiled
    screen.do(f"{AREA.format(IMAGE)}area.spaces.active.image = {PORTRAIT}.gioconda.image")
    walk.tab(IMAGE)
    walk.fit("image.view_all(fit_view=True)", IMAGE)
    screen.shot("08-analysed")


def permit(walk: Walk) -> None:
    """Say why the portrait may be animated, and who says so."""
    screen = walk.screen
    box = walk.tab(EDITOR)
    screen.click("Choose", box)
    screen.click("Public Domain", box)
    screen.wait(f"{PORTRAIT}.gioconda.right == 'public_domain'", seconds=10)
    x, y = screen.find("Stated By", box)
    screen.press_at(x + 120, y, button=1)
    screen.press_at(x + 120, y, button=1)  # a text field opens at a double click
    screen.write("The docs' author")
    screen.key("Return")
    screen.wait(f"{PORTRAIT}.gioconda.right_who", seconds=10)
    screen.shot("09-permission")


def mistake(walk: Walk) -> None:
    """Render before there is a rig: what is wrong, in the panel and in the status bar; and what a tooltip says."""
    screen = walk.screen
    box = walk.tab(EDITOR)
    walk.scroll(EDITOR, 20)
    render = screen.find("Render", box, last=True)
    screen.hover(*render)
    screen.shot("10-tooltip", settle=2.5)
    screen.press_at(*render)
    screen.wait(f"{SESSION}.state({PORTRAIT}).last_error", seconds=60)
    walk.scroll(EDITOR, 20)
    screen.hover(SIZE[0] / 2, SIZE[1] / 3)
    screen.shot("11-error")
    screen.click("Dismiss", box)


def bind(walk: Walk) -> None:
    """Bring the rig in and let Gioconda find out what is what."""
    screen = walk.screen
    screen.do(
        f"with bpy.data.libraries.load({str(walk.rig)!r}) as (there, wanted):\n"
        "    wanted.objects = there.objects\n"
        "for found in wanted.objects:\n"
        "    bpy.context.scene.collection.objects.link(found)\n"
        "keys = [o for o in wanted.objects if o.type == 'MESH' and o.data.shape_keys]\n"
        f"{PORTRAIT}.gioconda.rig.target = keys[0]"
    )
    box = walk.tab(EDITOR)
    walk.scroll(EDITOR, -20)
    screen.click("Auto-Map", box)
    screen.wait(f"{PORTRAIT}.gioconda.rig.report", seconds=120)
    screen.shot("12-bound", settle=3)
    screen.click("Mapping", box)
    screen.shot("13-mapping")
    screen.click("Mapping", box)


def preview(walk: Walk) -> None:
    """Live, while scrubbing."""
    screen = walk.screen
    screen.do(f"{SESSION}.reset_longest_round()")
    box = walk.tab(EDITOR)
    walk.scroll(EDITOR, 20)
    screen.click("Live Preview", box)
    screen.wait(f"'Preview of frame' in {SESSION}.state({PORTRAIT}).note", seconds=180)
    for frame in (40, 80, SHOWN):
        screen.do(f"bpy.context.scene.frame_set({frame})")
        screen.wait(f"'frame {frame},' in {SESSION}.state({PORTRAIT}).note", seconds=60)
    screen.shot("14-preview", settle=8)
    walk.measure("preview")
    screen.click("Live Preview", box)


def render(walk: Walk) -> None:
    """A range in the background, the frames in the compositor."""
    screen = walk.screen
    screen.do("bpy.context.scene.frame_start, bpy.context.scene.frame_end = 100, 123")
    screen.do(f"{SESSION}.reset_longest_round()")
    box = walk.tab(EDITOR)
    walk.scroll(EDITOR, 20)
    screen.press_at(*screen.find("Render", box, last=True))
    screen.wait(f"'Rendering' in {SESSION}.state({PORTRAIT}).stage", seconds=240)
    screen.shot("15-rendering", settle=4)
    screen.wait(f"{SESSION}.task_of({PORTRAIT}) is None", seconds=400)
    walk.measure("render")
    screen.do(f"bpy.context.scene.frame_set({SHOWN})")
    screen.shot("16-rendered", settle=5)


def composite(walk: Walk) -> None:
    """The finished frame in the backdrop, with a blur behind the person."""
    screen = walk.screen
    screen.do(COMPOSITE)
    screen.shot("last", settle=4)
    walk.fit("node.view_all()", EDITOR)
    screen.shot("17-composited", settle=6)


def landmark_rig(walk: Walk) -> None:
    """For artists who have no rig."""
    screen = walk.screen
    screen.do(f"{PORTRAIT}.gioconda.rig.target = None")
    screen.click("Layout", (0, 0, 1400, 30))
    screen.shot("last", settle=3)
    screen.click("Create Landmark Rig", walk.tab(VIEW))
    screen.shot("18-landmark-rig", settle=4)


STEPS: dict[str, Callable[[Walk], None]] = {
    step.__name__: step
    for step in (install, add, analyse, permit, mistake, bind, preview, render, composite, landmark_rig)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("package", "portrait", "rig"):
        parser.add_argument(name, type=lambda text: Path(text).resolve())
    parser.add_argument("-o", "--output", type=Path, default=Path("out/window"), help="where pictures go")
    parser.add_argument("--blender", default="blender", help="the command that starts Blender 4.2 or newer")
    parser.add_argument("--display", type=int, default=79, help="number of the virtual screen")
    parser.add_argument("--since", choices=STEPS, help="go on from the last walk's file, at this step")
    parser.add_argument("--until", choices=STEPS, help="stop after this step")
    arguments = parser.parse_args()
    output = arguments.output.resolve()
    work = output / "work"
    work.mkdir(parents=True, exist_ok=True)
    names = list(STEPS)
    first = names.index(arguments.since) if arguments.since else 0
    if not first:
        shutil.rmtree(work / "profile", ignore_errors=True)
    with opened(shlex.split(arguments.blender), arguments.display, output, work / "profile") as screen:
        walk = Walk(screen, arguments.package, arguments.portrait, arguments.rig, work)
        if first:
            shutil.copyfile(work / f"{names[first - 1]}.blend", work / "shot.blend")
            screen.do(ENABLE.format(str(work / "shot.blend")), seconds=120)
            screen.shot("last", settle=4)
        for name in names[first:]:
            print(f"{name} …", flush=True)
            STEPS[name](walk)
            if name != "install":
                screen.do("bpy.ops.wm.save_mainfile()")
                shutil.copyfile(work / "shot.blend", work / f"{name}.blend")
            if name == arguments.until:
                break
    (output / "last.png").unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
