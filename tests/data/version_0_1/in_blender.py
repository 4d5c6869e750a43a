"""Run inside Blender: a .blend whose Gioconda Portrait has no setting at its default; or what one holds.

ARGS: "make" or "read", the .blend, the folder for job and pictures. Gives every stored value, and the job's fields.
"""

import json
import os
from pathlib import Path

import bpy
from bl_ext.user_default.gioconda.addon import job

WHAT, BLEND, FOLDER = ARGS  # noqa: F821 - given by the frame around this script
POINTS = {"eye_outer_right": [20, 24], "eye_outer_left": [44, 24], "nose_tip": [32, 36], "chin": [32, 56]}
GIVEN = {
    "face": 2,
    "landmarks": json.dumps({"size": [64, 64], "points": POINTS}),
    "output": "//frames/shot.####.exr",
    "rig.file": "//takes/take 1.csv",
    "neural": "off",
    "engine": "",  # it would take the networks' place
    "live": False,  # it would start a worker
}


def make():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    import addon_utils

    addon_utils.enable("bl_ext.user_default.gioconda", default_set=True)
    bpy.ops.wm.save_as_mainfile(filepath=BLEND)
    bpy.ops.gioconda.add_portrait(image=picture("portrait").name)
    tree = bpy.context.scene.gioconda_portrait
    for name in ("matte", "plate"):
        setattr(tree.gioconda, name, picture(name))
    tree.gioconda.rig.target = bpy.data.objects.new("Rig", None)
    tree.gioconda.rig.collection = bpy.data.collections.new("Empties")
    for _ in range(2):
        tree.gioconda.rig.rows.add()
    change(tree.gioconda, "")
    for image in bpy.data.images:
        image.use_fake_user = True
    bpy.ops.wm.save_as_mainfile(filepath=BLEND, compress=True)


def picture(name):
    image = bpy.data.images.new(name, 64, 64)
    image.pixels = [0.25, 0.5, 0.75, 1.0] * 64 * 64
    image.filepath_raw, image.file_format = str(Path(FOLDER) / f"{name}.png"), "PNG"
    image.save()
    image.source = "FILE"
    image.pack()
    image.filepath = f"//{name}.png"
    return image


def fields(group):
    return [p for p in group.bl_rna.properties if p.identifier not in ("rna_type", "name")]


def change(group, path):
    """Every stored value away from its default."""
    for prop in fields(group):
        name, given = prop.identifier, GIVEN.get(path + prop.identifier)
        if prop.type == "POINTER" and isinstance(getattr(group, name), bpy.types.PropertyGroup):
            change(getattr(group, name), f"{path}{name}.")
        elif prop.type == "COLLECTION":
            for item in getattr(group, name):
                change(item, f"{path}{name}.")
        elif given is not None:
            setattr(group, name, given)
        elif prop.type == "BOOLEAN" and name != "is_portrait":
            setattr(group, name, not prop.default)
        elif prop.type == "INT":
            setattr(group, name, prop.default + 3)
        elif prop.type == "FLOAT":
            setattr(group, name, prop.default + (0.25 if prop.default + 0.25 <= prop.hard_max else -0.25))
        elif prop.type == "STRING":
            setattr(group, name, f"{name} of 0.1")
        elif prop.type == "ENUM" and prop.is_enum_flag:
            setattr(group, name, {item.identifier for item in list(prop.enum_items)[::3]} | {"Plate"})
        elif prop.type == "ENUM":
            setattr(group, name, [i.identifier for i in prop.enum_items if i.identifier != prop.default][-1])


def stored(group):
    """Every value as JSON has it."""
    found = {}
    for prop in fields(group):
        value = getattr(group, prop.identifier)
        if prop.type == "COLLECTION":
            value = [stored(item) for item in value]
        elif isinstance(value, bpy.types.PropertyGroup):
            value = stored(value)
        elif isinstance(value, bpy.types.ID):
            value = value.name
        elif isinstance(value, set):
            value = sorted(value)
        elif isinstance(value, float):
            value = round(value, 5)
        found[prop.identifier] = value
    return found


if WHAT == "make":
    make()
bpy.ops.wm.open_mainfile(filepath=BLEND)
tree = next(group for group in bpy.data.node_groups if group.gioconda.is_portrait)
work = Path(FOLDER) / "work"
made = job.still_job(tree, folder=work, output=job.output_of(tree), consent=job.consent_of(tree))
plain = json.loads(made.to_json())
beside = {os.path.normpath(work): "work", str(Path(os.path.realpath(BLEND)).parent): "blend"}
for name, value in plain.items():
    for folder, short in beside.items():
        if isinstance(value, str):
            plain[name] = value = value.replace(folder, short).replace("\\", "/")
result({"settings": stored(tree.gioconda), "job": plain})  # noqa: F821
