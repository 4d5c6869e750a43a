"""Export a folder that `gioconda` renders without Blender: portrait, baked motion, job."""

import shutil
from dataclasses import replace
from pathlib import Path

import bpy
from bpy.props import StringProperty

from ...core.gioconda.errors import GiocondaError
from ...core.gioconda.files import unwritable, write_text
from .. import job, session
from ..compositing import nodes
from ..rig.map import mapping_file
from .render import Renders
from .reporting import failed

README = """A Gioconda job, made by the Blender extension from “{blend}”, portrait “{name}”.

    gioconda job {file}{option}

renders frames {frames} to {output} in this folder; Blender is not needed. Add --resume to go on after a stop.{engine}

{file:12}  what to render: portrait, motion, passes, gains
{motion:12}  the motion: the rig's, baked, or the file that drives the portrait
mapping.yaml  which part of the rig drove what (where there is a mapping)
"""


def export(tree: bpy.types.NodeTree, scene: bpy.types.Scene, folder: Path) -> Path:
    """Write everything into `folder`. Returns the job's file.

    Raises: GiocondaError: a setting cannot be used, the folder not written.
    """
    pattern = Path(job.output_of(tree)).name
    made = replace(job.job_of(tree, scene, folder=folder), output=str(folder / "frames" / pattern))
    copies, paths = {}, made.paths()
    for name in ("portrait", "motion", "text", "matte", "plate", "rigid", "identity", "ocio"):
        path = paths.get(name)
        if path and "://" not in path and not Path(path).is_relative_to(folder):
            copies[name] = str(folder / f"{name}{Path(path).suffix}")
            try:
                shutil.copyfile(path, copies[name])
            except OSError as error:
                raise unwritable(Path(copies[name]), error) from error
    if len(tree.gioconda.rig.rows):
        mapping_file.save(tree.gioconda.rig, folder / "mapping.yaml")
    made = job.portable(replace(made, placeholders=False, **copies), folder)
    text = README.format(
        blend=Path(bpy.data.filepath).name or "an unsaved file",
        name=tree.name,
        file=job.JOB,
        motion=made.motion,
        frames=made.frames,
        output=made.output,
        option=" --allow-outside" if made.engine else "",
        engine=f"\nThe engine in {made.engine} paints them: it has to be there." if made.engine else "",
    )
    write_text(folder / "README.txt", text)
    return job.write(made, folder)


class GIOCONDA_OT_export_job(Renders, bpy.types.Operator):
    bl_idname = "gioconda.export_job"
    bl_label = "Export Job"
    bl_description = (
        "Write a folder with the portrait, the baked motion and the job, which the gioconda command renders without "
        "Blender"
    )

    directory: StringProperty(name="Folder", subtype="DIR_PATH", description="Where the folder's files go")

    def invoke(self, context, event):
        if not self.directory and bpy.data.filepath:
            self.directory = str(Path(bpy.data.filepath).parent / "gioconda_job")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        tree = self.chosen(context)
        folder = Path(bpy.path.abspath(self.directory)).absolute() if self.directory else None
        if not nodes.is_portrait(tree) or folder is None:
            self.report({"ERROR"}, "Choose a folder for the job, and a portrait to export.")
            return {"CANCELLED"}
        try:
            path = export(tree, nodes.scene_of(tree, context), folder)
        except GiocondaError as error:
            return failed(self, tree, error)
        session.tell(tree, f"The job is in {folder}")
        self.report({"INFO"}, f"Run it with: gioconda job {path}")
        return {"FINISHED"}


CLASSES = (GIOCONDA_OT_export_job,)
