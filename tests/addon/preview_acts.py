"""Run inside Blender: the live preview, its rounds done by hand. ARGS: this folder, a folder for files."""

import sys

sys.path.insert(0, ARGS[0])  # noqa: F821 - given by the frame around this script

import signal
import time
from pathlib import Path

import bpy
import numpy as np
import studio
from bl_ext.user_default.gioconda.addon import preview, session

OUT = Path(ARGS[1])  # noqa: F821
found = {}


def is_sharp():
    live = preview._live[tree.session_uid]
    return live.size == preview.SHARP and not live.asked and not live.changed


def seen():
    image = preview.image_of(tree)
    values = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(values)
    return values.reshape(image.size[1], image.size[0], 4)[::-1].copy()


tree = studio.portrait(OUT)
scene = bpy.context.scene
scene.frame_set(1)
at_rest = studio.pixels(1)
tree.gioconda.live = True
found["first"] = studio.until(is_sharp, 300)
found["like the portrait"] = float(np.abs(seen() - at_rest).max())
image = preview.image_of(tree)
found["image"] = [image.name, image.source, image.is_dirty, image.users, tuple(image.size)]

# Scrubbing.
session._session.longest = 0.0
started = time.monotonic()
scene.frame_set(4)
found["scrubbed"] = studio.until(lambda: preview._live[tree.session_uid].changed is False and is_sharp(), 200)
found["seconds"] = time.monotonic() - started
found["moved"] = float(np.abs(seen() - at_rest).max())
found["longest round"] = session._session.longest

# Nothing happens: nothing is asked. Something else happens: the same.
before = session.worker()._last_id
studio.until(lambda: False, 0.5)
camera = bpy.data.objects.new("Else", None)
scene.collection.objects.link(camera)
camera.location.x += 1
bpy.context.view_layer.update()
studio.until(lambda: False, 0.5)
found["asked for nothing"] = session.worker()._last_id - before

# A setting.
picture = seen()
tree.gioconda.gains.jaw = 0.0
studio.until(lambda: 'jaw": 0.0' in preview._live[tree.session_uid].settings and is_sharp(), 60)
found["without the jaw"] = float(np.abs(seen() - at_rest).max())

# A rig that is gone gives a sentence, and the preview comes back with it.
tree.gioconda.rig.target, head = None, tree.gioconda.rig.target
scene.frame_set(3)
found["no rig"] = [studio.until(lambda: session.state(tree).last_error, 20), session.state(tree).last_error]
tree.gioconda.rig.target = head
scene.frame_set(2)
found["rig again"] = [studio.until(is_sharp, 60), session.state(tree).last_error]

# The worker dies over a request: that is told, and the next request starts another.
process = session.worker()._process
process.send_signal(signal.SIGSTOP)
tree.gioconda.gains.jaw = 1.0
studio.until(lambda: session._session.waiting, 30)
process.kill()
found["died"] = studio.until(lambda: session.state(tree).last_error, 30)
tree.gioconda.gains.jaw = 0.9
scene.frame_set(4)
found["again"] = [studio.until(is_sharp, 200), session.state(tree).last_error]

# Off; and nothing of it in the file.
tree.gioconda.live = False
session.pump()
found["off"] = [session.pump(), len(preview._live)]
bpy.ops.wm.save_as_mainfile(filepath=str(OUT / "shot.blend"))
bpy.ops.wm.open_mainfile(filepath=str(OUT / "shot.blend"))
found["in the file"] = [image.name for image in bpy.data.images]
result(found)  # noqa: F821
