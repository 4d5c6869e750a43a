"""Run inside Blender: which networks, identity and engine a job names. ARGS: this folder, a folder for files."""

import sys

sys.path.insert(0, ARGS[0])  # noqa: F821 - given by the frame around this script

import json
from pathlib import Path

import bpy
import studio
from bl_ext.user_default.gioconda.addon import job, preview
from bl_ext.user_default.gioconda.core.gioconda.errors import GiocondaError

OUT = Path(ARGS[1])  # noqa: F821
FIELDS = ("neural", "identity", "engine")
SETTINGS = ("draft", "full_float")
written, exported, sentences, looks = {}, {}, {}, {}


def write(name):
    """The job file that Render would run, and the folder for a farm."""
    made = job.still_job(tree, folder=OUT / "work", output=job.output_of(tree), consent=job.consent_of(tree))
    data = json.loads(job.write(made, OUT / "work").read_text(encoding="utf-8"))
    written[name] = [data[field] for field in FIELDS]
    bpy.ops.gioconda.export_job(directory=str(OUT / name))
    data = json.loads((OUT / name / job.JOB).read_text(encoding="utf-8"))
    exported[name] = [[data[field] for field in FIELDS], sorted(path.name for path in (OUT / name).iterdir())]
    looks[name] = preview._settings_text(tree)


def refused(name):
    """What Render says, before anything is rendered."""
    sentences[name] = studio.sentence(bpy.ops.gioconda.render_portrait)
    try:
        job.still_job(tree, folder=OUT / "work", output=str(OUT / "####.exr"))
    except GiocondaError as error:
        assert sentences[name] == str(error)


tree = studio.portrait(OUT)
settings = tree.gioconda
settings.identity = "//person.identity.npz"
refused("identity beside an unsaved file")
settings.identity, settings.engine = "", "//others"
refused("engine beside an unsaved file")
settings.engine = ""
write("untouched")

bpy.ops.wm.save_as_mainfile(filepath=str(OUT / "shot.blend"))
settings.identity = "//person.identity.npz"
refused("missing identity")
(OUT / "person.identity.npz").write_bytes(b"whom the networks know")
write("identity")
settings.neural = "fast"
write("fast and identity")
settings.neural = "off"
write("off")
(OUT / "person.identity.npz").unlink()
write("off, and the identity is gone")
settings.neural, settings.engine = "full", "//others"
write("engine")
settings.neural, settings.engine, settings.draft, settings.full_float = "off", "", True, True
data = json.loads(job.still_job(tree, folder=OUT / "work", output=str(OUT / "####.exr")).to_json())
declared = {name: data[name] for name in SETTINGS}
bits = {item.identifier: item.value for item in settings.bl_rna.properties["passes"].enum_items_static}
result(  # noqa: F821
    {
        "written": written,
        "exported": exported,
        "sentences": sentences,
        "looks": looks,
        "declared": declared,
        "bits": bits,
    }
)
