"""What an artist does, from installing the extension to a composited shot, by hand: clicks on what is written.

    python3 tests/window/walk.py dist/gioconda-0.1.0-linux_x64.zip portrait.jpg rig.blend -o out/window

Every step leaves a picture. Runs where Blender is (see README.md); needs nothing but Python's standard library.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from screen import Screen, opened

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
    screen.do(AREA.format("DOPESHEET") + "area.ui_type = 'IMAGE_EDITOR'")
    screen.click("Analyse", walk.tab(EDITOR))
    screen.shot("07-analysing", settle=0.5)
    screen.wait(f"{PORTRAIT}.gioconda.landmarks", seconds=300)
    screen.click("Choose", walk.tab(EDITOR))
    screen.shot("08-permission")
    screen.click("Public domain")
    screen.do(AREA.format(IMAGE) + f"area.spaces.active.image = {PORTRAIT}.gioconda.image")
    walk.tab(IMAGE)
    screen.do(
        AREA.format(IMAGE) + "region = next(r for r in area.regions if r.type == 'WINDOW')\n"
        "with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=area, region=region):\n"
        "    bpy.ops.image.view_all(fit_view=True)"
    )
    screen.shot("09-analysed")


def mistake(walk: Walk) -> None:
    """Render without a rig: a sentence in the panel says what is missing."""
    screen = walk.screen
    walk.scroll(EDITOR, 20)
    screen.click("Render", walk.tab(EDITOR), last=True)
    screen.shot("10-no-rig")
    screen.click("Dismiss", walk.tab(EDITOR))
    walk.scroll(EDITOR, -20)


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
    screen.click("Auto-Map", walk.tab(EDITOR))
    screen.wait(f"len({PORTRAIT}.gioconda.rig.rows) > 0")
    screen.click("Mapping", walk.tab(EDITOR), last=True)
    screen.shot("11-bound")
    screen.click("Mapping", walk.tab(EDITOR), last=True)


def preview(walk: Walk) -> None:
    """Live, while scrubbing."""
    screen = walk.screen
    walk.scroll(EDITOR, 20)
    screen.click("Live Preview", walk.tab(EDITOR))
    screen.shot("last", settle=25)
    screen.do(f"{SESSION}.reset_longest_round()")
    for frame in (40, 80, 110, 120):
        screen.do(f"bpy.context.scene.frame_set({frame})")
        screen.shot("last", settle=3)
    screen.shot("12-preview")
    print(f"longest round while previewing: {1000 * screen.do(f'answer = {SESSION}.longest_round()'):.0f} ms")
    screen.click("Live Preview", walk.tab(EDITOR))


def render(walk: Walk) -> None:
    """A range in the background, the frames in the compositor."""
    screen = walk.screen
    screen.do("bpy.context.scene.frame_start, bpy.context.scene.frame_end = 100, 123")
    screen.do(f"{SESSION}.reset_longest_round()")
    screen.click("Render", walk.tab(EDITOR), last=True)
    screen.wait(f"({SESSION}.state({PORTRAIT}).progress or 0) > 0.2", seconds=400)
    screen.shot("13-rendering", settle=0)
    screen.wait(f"{SESSION}.task_of({PORTRAIT}) is None", seconds=600)
    print(f"longest round while rendering: {1000 * screen.do(f'answer = {SESSION}.longest_round()'):.0f} ms")
    screen.do("bpy.context.scene.frame_set(110)")
    screen.shot("14-rendered", settle=5)


def landmark_rig(walk: Walk) -> None:
    """For artists who have no rig."""
    screen = walk.screen
    screen.do(f"{PORTRAIT}.gioconda.rig.target = None")
    screen.click("Layout", (0, 0, 1400, 30))
    screen.shot("last", settle=3)
    screen.click("Create Landmark Rig", walk.tab(VIEW))
    screen.shot("15-landmark-rig", settle=4)


STEPS: dict[str, Callable[[Walk], None]] = {
    step.__name__: step for step in (install, add, analyse, mistake, bind, preview, render, landmark_rig)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("package", "portrait", "rig"):
        parser.add_argument(name, type=lambda text: Path(text).resolve())
    parser.add_argument("-o", "--output", type=Path, default=Path("out/window"), help="where pictures go")
    parser.add_argument("--blender", default="blender", help="the command that starts Blender 4.2 or newer")
    parser.add_argument("--display", type=int, default=79, help="number of the virtual screen")
    parser.add_argument("--until", choices=STEPS, help="stop after this step")
    arguments = parser.parse_args()
    output = arguments.output.resolve()
    work = output / "work"
    work.mkdir(parents=True, exist_ok=True)
    with opened(shlex.split(arguments.blender), arguments.display, output) as screen:
        walk = Walk(screen, arguments.package, arguments.portrait, arguments.rig, work)
        for name, step in STEPS.items():
            print(f"{name} …", flush=True)
            step(walk)
            if name == arguments.until:
                break
    (output / "last.png").unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
