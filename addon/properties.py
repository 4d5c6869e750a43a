"""What is stored in the .blend: `tree.gioconda`, on a node group that is a Gioconda Portrait. Only fields, no logic."""

import math
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..core.gioconda.job.consent import RIGHTS
from ..core.gioconda.job.passes import DEFAULT_PASSES, PASSES
from ..core.gioconda.job.retarget import RetargetSettings
from . import expression, job_settings
from .analysis import picture_changed
from .compositing.nodes import is_portrait, setting_changed
from .landmark_editor.overlay import shown_changed
from .paths import beside_blend
from .preview import live_changed, slider_changed
from .rig.settings import CLASSES as RIG_CLASSES
from .rig.settings import RigSettings

RIGHT_NAMES = {
    "own_work": "My Own Work",
    "subject_consent": "The Person Agreed",
    "public_domain": "Public Domain",
    "licensed": "Licence or Contract",
}


def _gain(name: str, text: str) -> Any:
    return FloatProperty(name=name, description=text, default=1.0, min=0.0, max=5.0, soft_max=2.0, subtype="FACTOR")


def _share(name: str, setting: str, text: str) -> Any:
    default = getattr(RetargetSettings, setting)
    return FloatProperty(name=name, description=text, default=default, min=0.0, max=1.0, subtype="FACTOR")


class GainSettings(bpy.types.PropertyGroup):
    """How much of the motion the portrait takes: 1 as it is, 0 nothing. Names as in RetargetSettings."""

    pose: _gain("Head", "Head rotation and translation: 1 as animated, 0 still, above 1 exaggerated")
    jaw: _gain("Jaw", "How far the jaw opens and moves")
    lips: _gain("Lips", "Lips, cheeks and nose, on top of the jaw")
    brows: _gain("Brows", "Brows and forehead")
    lids: _gain("Lids", "Opening and closing of the eyes")
    gaze: _gain("Gaze", "Where the eyes look")
    shoulders: _share(
        "Shoulders", "shoulders", "How much of the head's turn to the side the shoulders take part in: 0 they stay"
    )
    neutralise: _share("Neutralise", "neutralise", "First close the portrait's open mouth and open its half-shut eyes")
    absolute: BoolProperty(
        name="Absolute",
        default=False,
        description="Take the rig's very expression instead of its change from the neutral pose",
    )


class ExpressionSettings(bpy.types.PropertyGroup):
    """The sliders of `expression.SLIDERS`: what is added to whatever drives the portrait."""


def _slider(slider: expression.Slider) -> Any:
    shown = {"name": slider.label, "description": slider.text, "default": 0.0, "update": slider_changed}
    if slider.angle:
        return FloatProperty(**shown, min=-math.pi, max=math.pi, soft_min=-0.7, soft_max=0.7, subtype="ANGLE")
    least = -1.0 if slider.down else 0.0
    return FloatProperty(**shown, min=2 * least, max=2.0, soft_min=least, soft_max=1.0)


ExpressionSettings.__annotations__ = {name: _slider(slider) for name, slider in expression.SLIDERS.items()}


def _shown(name: str, default: bool, text: str) -> Any:
    return BoolProperty(name=name, default=default, update=shown_changed, description=text)


class OverlaySettings(bpy.types.PropertyGroup):
    """What the Image Editor shows over the portrait, and how landmarks are moved there."""

    landmarks: _shown("Landmarks", True, "Draw the outlines of the face's features")
    points: _shown("All Points", False, "Draw all 478 landmarks as dots")
    faces: _shown("Faces", True, "Draw a numbered box around each of several faces")
    matte: _shown("Matte", False, "Tint what belongs to the person")
    radius: FloatProperty(
        name="Falloff",
        default=0.18,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        description="How far neighbours follow a dragged point: 0 not at all, 1 as far as the eyes are apart",
    )
    mirror: BoolProperty(
        name="X Mirror", default=False, description="The point on the face's other side makes the same move, mirrored"
    )


class ShownSettings(bpy.types.PropertyGroup):
    """Which frames the node shows; on every other frame of the scene it shows the portrait at rest."""

    output: StringProperty()  # pattern of the files, as in `output`; "" nothing was ever rendered
    first: IntProperty()
    last: IntProperty()
    rest: IntProperty()  # number of the file that holds the portrait at rest


class Reference(bpy.types.PropertyGroup):
    """A picture of the person, or a clip, that the networks learn them from."""

    path: StringProperty(
        name="Reference",
        subtype="FILE_PATH",
        options=beside_blend(),
        description="A picture of the person with another expression or turn of the head, or a clip",
    )


class PortraitSettings(bpy.types.PropertyGroup):
    """One Gioconda Portrait. Sub-groups: `rig` what drives it, `gains` how much."""

    is_portrait: BoolProperty(default=False, options={"HIDDEN"})

    image: PointerProperty(
        name="Portrait", type=bpy.types.Image, update=picture_changed, description="The still picture to bring to life"
    )
    face: IntProperty(
        name="Face",
        default=0,
        min=0,
        soft_max=20,
        description="Which face of the picture, counted from the left; 0 takes the only one there is",
    )
    landmarks: StringProperty(options={"HIDDEN"})  # JSON as hand-placed points; "" none yet
    hand_placed: BoolProperty(options={"HIDDEN"})  # an artist moved or placed points
    detected: StringProperty(options={"HIDDEN"})  # `landmarks` as Analyse found them, for Reset
    analysed: StringProperty(options={"HIDDEN"})  # name of the picture they belong to
    faces: StringProperty(options={"HIDDEN"})  # JSON: [[left, top, right, bottom] in pixels, …], leftmost first
    person: StringProperty(options={"HIDDEN"})  # file of the matte that Analyse made, for the overlay; may be gone
    overlay: PointerProperty(type=OverlaySettings)
    right: EnumProperty(
        name="Permission",
        default="none",
        items=[
            ("none", "Choose …", "Nobody has said yet why this portrait may be animated"),
            *((name, RIGHT_NAMES[name], text[0].upper() + text[1:]) for name, text in RIGHTS.items()),
        ],
        description="Why this portrait may be animated. It is written into every frame",
    )
    right_who: StringProperty(
        name="Stated By", description="Who says so: your name or your studio's. It is written into every frame"
    )
    matte: PointerProperty(
        name="Matte", type=bpy.types.Image, description="Your own matte of the person (white), instead of Gioconda's"
    )
    plate: PointerProperty(
        name="Clean Plate",
        type=bpy.types.Image,
        description="The background without the person, instead of a made-up one",
    )
    rigid: PointerProperty(
        name="Rigid",
        type=bpy.types.Image,
        description="What lies before the face and does not bend (white): a hat, a pipe, jewellery, a hand. Without it "
        "spectacles are found; an all black one says that there is nothing",
    )

    rig: PointerProperty(type=RigSettings)
    gains: PointerProperty(type=GainSettings)
    expression: PointerProperty(type=ExpressionSettings)

    shown: PointerProperty(type=ShownSettings)
    output: StringProperty(
        name="Output",
        subtype="FILE_PATH",
        default="//gioconda/####.exr",
        update=setting_changed,
        options=beside_blend(),
        description="Where frames go: #### is the frame number, // the folder of this .blend",
    )
    neural: EnumProperty(
        name="Networks",
        default="auto",
        items=[
            ("auto", "Best Here", "Full where a graphics card carries it, else fast. Exported jobs take fast"),
            ("off", "Off", "The engine alone: the quickest, and every pixel is the portrait's own"),
            ("fast", "Fast", "Small networks correct mouth, eyes and edges; any machine carries them"),
            ("full", "Full", "Large networks correct mouth, eyes and edges; they need a graphics card"),
        ],
        description="Trained networks that correct what moving a picture cannot show",
    )
    identity: StringProperty(
        name="Identity",
        subtype="FILE_PATH",
        options=beside_blend(),
        description="What the networks learned of this person from their pictures: the file that the command "
        "“gioconda personalise” made. Empty for none",
    )
    references: CollectionProperty(type=Reference)
    preview_neural: BoolProperty(
        name="Networks in Preview",
        default=True,
        description="Correct the preview too as soon as nothing moves; while you scrub it stays the engine's",
    )
    engine: StringProperty(
        name="Engine",
        subtype="DIR_PATH",
        options=beside_blend(),
        description="Folder of another engine, such as LivePortrait, that paints the face instead of Gioconda's "
        "networks; empty for none. Its files are yours to get, and its licence is written into every frame",
    )
    passes: EnumProperty(
        name="Passes",
        options={"ENUM_FLAG"},
        default={*DEFAULT_PASSES, "Depth"},
        update=setting_changed,
        items=[(name, name, one.text, 1 << one.bit) for name, one in PASSES.items()],
        description="What each EXR holds; every pass is an output of the node",
    )
    scene_range: BoolProperty(name="Scene Range", default=True, description="Render the scene's frame range")
    frame_start: IntProperty(name="Start", default=1, description="First frame to render")
    frame_end: IntProperty(name="End", default=250, description="Last frame to render")
    live: BoolProperty(
        name="Live Preview",
        default=False,
        update=live_changed,
        description="Show the portrait in motion while you scrub or move the rig",
    )


PortraitSettings.__annotations__.update(job_settings.properties())

CLASSES = (*RIG_CLASSES, GainSettings, ExpressionSettings, OverlaySettings, ShownSettings, Reference, PortraitSettings)


def register() -> None:
    bpy.types.NodeTree.gioconda = PointerProperty(type=PortraitSettings)
    bpy.types.Scene.gioconda_portrait = PointerProperty(
        name="Portrait",
        type=bpy.types.NodeTree,
        poll=lambda _scene, tree: is_portrait(tree),
        description="The Gioconda Portrait that the sidebar of the 3D view shows",
    )


def unregister() -> None:
    del bpy.types.Scene.gioconda_portrait
    del bpy.types.NodeTree.gioconda
