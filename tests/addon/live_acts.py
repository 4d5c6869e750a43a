"""Run inside Blender: live, its rounds done by hand. ARGS: this folder, a folder for files, a free UDP port."""

import sys

sys.path.insert(0, ARGS[0])  # noqa: F821 - given by the frame around this script

import os
import subprocess
import time
from pathlib import Path

import bpy
import studio
from bl_ext.user_default.gioconda.addon import live, session
from bl_ext.user_default.gioconda.addon import rig as rigs

OUT, PORT = Path(ARGS[1]), ARGS[2]  # noqa: F821
ROOT = Path(ARGS[0]).parents[1]  # noqa: F821
found = {}

tree = studio.portrait(OUT)
tree.gioconda_live.address = f":{PORT}"
tree.gioconda_live.record = True
tree.gioconda_live.take = str(OUT / "played.npz")

tree.gioconda.right = "none"
os.environ.pop("GIOCONDA_POLICY", None)  # a studio's policy may state it for all
try:
    found["without a right"] = [list(bpy.ops.gioconda.live())]
except RuntimeError as error:
    found["without a right"] = [str(error)]
tree.gioconda.right, tree.gioconda.right_who = "public_domain", "a test"

started = time.monotonic()
bpy.ops.gioconda.live()
found["start took"] = time.monotonic() - started
running = live.of(tree)
found["waits"] = studio.until(lambda: "Waiting for" in running.note or running.process.ended, 300)
found["note"] = running.note
words = [sys.executable, "-m", "tests.core.live.sender", "livelink", PORT, "--seconds", "6"]
sender = subprocess.Popen(words, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
found["shown"] = studio.until(lambda: running.shown > 20, 60)
image = live.image_of(tree)
found["image"] = [image.name, image.is_dirty, max(image.size)]
bpy.ops.gioconda.live_calibrate()
studio.until(lambda: sender.poll() is not None, 30)
bpy.ops.gioconda.live_stop()
found["ended"] = studio.until(lambda: live.of(tree) is None, 60)
found["longest round"] = session._session.longest
found["error"] = session.state(tree).last_error
found["said"] = session.state(tree).note
found["takes"] = sorted(path.name for path in OUT.glob("*.npz"))
found["driven by"] = [tree.gioconda.rig.kind, Path(tree.gioconda.rig.file).name, rigs.from_file(tree)]

# a port that is taken is told, not raised
bpy.ops.gioconda.live()
first = live.of(tree)
studio.until(lambda: "Waiting for" in first.note, 120)
first.process.stop()
found["killed"] = studio.until(lambda: live.of(tree) is None, 30)
tree.gioconda_live.address, tree.gioconda_live.record = "203.0.113.7", False
bpy.ops.gioconda.live()
studio.until(lambda: live.of(tree) is None, 120)
found["no address"] = session.state(tree).last_error
result(found)  # noqa: F821
