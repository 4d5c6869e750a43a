"""Run inside Blender: images of every kind as portraits. ARGS: this folder, a folder with pictures and for files.

Leaves what the compositor makes of each image, and says as which file and in which colour space the core gets it.
"""

import sys

sys.path.insert(0, ARGS[0])  # noqa: F821 - given by the frame around this script

import os
from pathlib import Path

import bpy
import numpy as np
import studio
from bl_ext.user_default.gioconda.addon import job
from bl_ext.user_default.gioconda.addon.pictures import image_file
from bl_ext.user_default.gioconda.core.gioconda.errors import GiocondaError

OUT = Path(ARGS[1])  # noqa: F821
WORK = OUT / "work"
sources, sentences, seen = {}, {}, {}


def refused(what, call):
    try:
        call()
    except GiocondaError as error:
        sentences[what] = str(error)
    else:
        sentences[what] = ""


# Before there is anything.
sentences["no portrait"] = studio.sentence(bpy.ops.gioconda.render_portrait)
tree = studio.portrait(OUT)
tree.gioconda.image = None
sentences["no picture"] = studio.sentence(bpy.ops.gioconda.render_portrait)
refused("nothing chosen", lambda: image_file.source_of(None, WORK))

# Pictures that can be used.
images = {name: bpy.data.images.load(str(OUT / name)) for name in ("float.exr", "deep.png", "turned.jpg", "alpha.png")}
images["packed"] = bpy.data.images.load(str(OUT / "portrait.png"))
images["packed"].pack()
images["packed"].filepath = "//nowhere/packed.png"
images["generated"] = bpy.data.images.new("generated", 64, 48, alpha=True)
images["generated"].pixels.foreach_set(np.random.default_rng(1).random(64 * 48 * 4, np.float32).round(2))
images["generated float"] = bpy.data.images.new("generated float", 64, 48, float_buffer=True)
values = np.random.default_rng(2).random((48, 64, 4), np.float32) * 5 - 1
values[..., 3] = 1
images["generated float"].pixels.foreach_set(values.ravel())
images["painted on"] = bpy.data.images.load(str(OUT / "portrait.png"), check_existing=False)
images["painted on"].pixels[0:4] = (1.0, 0.0, 0.0, 1.0)
images["not a colour"] = bpy.data.images.load(str(OUT / "portrait.png"), check_existing=False)
images["not a colour"].colorspace_settings.name = "Non-Color"
images["another space"] = bpy.data.images.load(str(OUT / "portrait.png"), check_existing=False)
images["another space"].colorspace_settings.name = "Display P3"
images["alpha ignored"] = bpy.data.images.load(str(OUT / "alpha.png"), check_existing=False)
images["alpha ignored"].alpha_mode = "NONE"
for name, image in images.items():
    tree.gioconda.image = image
    bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y = image.size
    seen[name] = studio.pixels(1)
    found = image_file.source_of(image, WORK)
    sources[name] = [str(found.path), found.colorspace, found.ocio]

# Pictures that cannot.
wrong = bpy.data.images.load(str(OUT / "portrait.png"), check_existing=False)
for source in ("MOVIE", "SEQUENCE"):
    wrong.source = source
    refused(source, lambda: image_file.source_of(wrong, WORK))
gone = bpy.data.images.load(str(OUT / "portrait.png"), check_existing=False)
gone.filepath = str(OUT / "gone.png")
refused("missing", lambda: image_file.source_of(gone, WORK))
gone.filepath = "//beside.png"
refused("beside an unsaved file", lambda: image_file.source_of(gone, WORK))
refused("render result", lambda: image_file.source_of(bpy.data.images["Render Result"], WORK))
tree.gioconda.image = images["float.exr"]
tree.gioconda.output = "//out/####.exr"
refused("output beside an unsaved file", lambda: job.output_of(tree))
tree.gioconda.output = str(OUT / "out" / "frame.exr")
refused("output without a number", lambda: job.output_of(tree))
tree.gioconda.scene_range = False
tree.gioconda.frame_start, tree.gioconda.frame_end = 5, 4
refused("range upside down", lambda: job.frame_range(tree, bpy.context.scene))
tree.gioconda.frame_start = -5
refused("range below nought", lambda: job.frame_range(tree, bpy.context.scene))
tree.gioconda.right = "none"
os.environ.pop("GIOCONDA_POLICY", None)  # a studio's policy may state it for all
refused("no right", lambda: job.consent_of(tree))

np.savez(OUT / "seen.npz", **seen)
result({"sources": sources, "sentences": sentences})  # noqa: F821
