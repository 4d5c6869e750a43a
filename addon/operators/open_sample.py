"""A sample: a public-domain portrait whose expression sliders are keyed, in a scene of its own."""

import bpy

from ..compositing import nodes
from ..interpreter import CORE
from .suits_scene import PLAIN_VIEWS

PICTURE = CORE / "gioconda" / "cli" / "grace_hopper.jpg"  # what `gioconda demo` animates
NAME = "Gioconda Sample"
LAST, RATE = 72, 24
# slider → (frame, value), …: she looks at us, greets, smiles and turns
KEYS = {
    "gaze_x": ((1, 0.0), (6, 0.5), (20, 0.5), (24, 0.0)),
    "turn": ((1, 0.0), (12, 0.14), (24, 0.0), (50, -0.1), (72, 0.0)),
    "nod": ((24, 0.0), (30, -0.06), (38, 0.03), (50, 0.0)),
    "lid_left": ((20, 0.0), (22, 1.0), (25, 0.0), (56, 0.0), (58, 1.0), (61, 0.0)),
    "lid_right": ((20, 0.0), (22, 1.0), (25, 0.0), (56, 0.0), (58, 1.0), (61, 0.0)),
    "brows": ((24, 0.0), (30, 0.5), (40, 0.1), (60, 0.0)),
    "sound_e": ((26, 0.0), (29, 0.9), (33, 0.0)),
    "sound_o": ((33, 0.0), (38, 0.9), (44, 0.0)),
    "smile": ((40, 0.0), (52, 0.7), (64, 0.6), (72, 0.0)),
}


class GIOCONDA_OT_open_sample(bpy.types.Operator):
    bl_idname = "gioconda.open_sample"
    bl_label = "Open a Sample"
    bl_description = (
        "Make a scene with a public-domain portrait (Grace Hopper) whose expression sliders are keyed over three "
        "seconds: switch Live Preview on and play, or save and render"
    )
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        image = bpy.data.images.load(str(PICTURE), check_existing=True)
        scene = bpy.data.scenes.new(NAME)
        scene.frame_start, scene.frame_end = 1, LAST
        scene.render.fps, scene.render.fps_base = RATE, 1.0
        scene.render.resolution_x, scene.render.resolution_y = image.size
        if scene.view_settings.view_transform not in PLAIN_VIEWS:
            scene.view_settings.view_transform = "Standard"
        with context.temp_override(scene=scene):
            tree = nodes.create(bpy.context, image).node_tree
        scene.gioconda_portrait = tree
        settings = tree.gioconda
        settings.right, settings.right_who = "public_domain", "Gioconda's sample"
        for name, keys in KEYS.items():
            for frame, value in keys:
                setattr(settings.expression, name, value)
                tree.keyframe_insert(f"gioconda.expression.{name}", frame=frame)
        if context.window is not None:
            context.window.scene = scene
        scene.frame_set(1)
        self.report({"INFO"}, "The sample is a scene of its own: switch Live Preview on and play.")
        return {"FINISHED"}


CLASSES = (GIOCONDA_OT_open_sample,)
