"""Run inside Blender: what may happen while frames are rendered. ARGS: this folder, a folder for files."""

import sys

sys.path.insert(0, ARGS[0])  # noqa: F821 - given by the frame around this script

import os
import signal
import stat
import time
from pathlib import Path

import bpy
import studio
from bl_ext.user_default.gioconda.addon import interpreter, preferences, rendering, session
from bl_ext.user_default.gioconda.core.gioconda.errors import GiocondaError

OUT = Path(ARGS[1])  # noqa: F821
found = {}
FRAMES = 12


def program(name, text):
    """A script in place of Python."""
    path = OUT / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def begin(folder):
    tree.gioconda.output = str(OUT / folder / "####.exr")
    return rendering.render(tree, bpy.context.scene)


def process_of(task):
    return task._run._process if task._run is not None else None


def end(task, seconds=200):
    studio.until(lambda: task not in session._session.tasks, seconds)
    return [task.outcome, task.text, session.state(tree).last_error]


tree = studio.portrait(OUT, frames=FRAMES)
scene = bpy.context.scene
chosen = preferences.preferences(bpy.context)

# Two at once; cancelled twice.
task = begin("twice")
try:
    rendering.render(tree, scene)
except GiocondaError as error:
    found["two at once"] = str(error)
found["two at once, by the operator"] = studio.sentence(bpy.ops.gioconda.render_portrait)
studio.until(lambda: (OUT / "twice" / "0012.exr").exists(), 200)
task.cancel()
task.cancel()
found["cancelled twice"] = end(task)
found["after cancelling"] = [studio.until(lambda: process_of(task).poll() is not None, 10)]
task.cancel()

# The worker is killed; the next rendering goes on.
task = begin("killed")
studio.until(lambda: (OUT / "killed" / "0012.exr").exists(), 200)
os.kill(process_of(task).pid, signal.SIGKILL)
found["killed"] = end(task)
found["log"] = session.has_log(tree)
scene.frame_end = 3
found["after it was killed"] = end(begin("killed"))

# Another version, no Python at all, no space.
chosen.python = program(
    "other", 'cat >/dev/null & echo \'{"kind": "hello", "version": "9.9", "protocol": 1}\'; sleep 1'
)
found["another version"] = end(begin("other"))
chosen.python = str(OUT / "no-such-python")
found["no such Python"] = end(begin("none"))
chosen.python = ""
(command, environment) = interpreter.command()
paths = f"PYTHONPATH='{environment.get('PYTHONPATH', '')}'"
chosen.python = program("small-disk", f'ulimit -f 200; {paths} exec {command[0]} "$@"')
tree.gioconda.full_float = True
found["disk full"] = end(begin("full"))
chosen.python = ""
tree.gioconda.full_float = False

# The output is no folder.
(OUT / "file").write_text("in the way")
found["output in the way"] = end(begin("file"))

# The file is closed.
scene.frame_end = FRAMES
task = begin("closed")
studio.until(lambda: process_of(task) is not None and (OUT / "closed" / "0001.exr").exists(), 200)
process = process_of(task)
started = time.monotonic()
bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=False)
found["closing took"] = time.monotonic() - started
while process.poll() is None and time.monotonic() - started < 10:
    time.sleep(0.05)
found["closed"] = [task.outcome, process.poll() is not None, session.pump(), len(session._session.records)]
result(found)  # noqa: F821
