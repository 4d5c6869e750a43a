"""A job's settings that the node has just as the job declares them. Property, panel and job follow from `LABELS`."""

from dataclasses import fields
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ..core.gioconda.job.job import Job
from ..core.gioconda.job.settings import Setting, declared

# setting → what the panel calls it, in the panel's order
LABELS = {"draft": "Draft", "full_float": "32-bit Float", "layer": "Picture's Layer"}


def properties() -> dict[str, Any]:
    """Annotations for a PropertyGroup, a property for each setting."""
    defaults = {field.name: field.default for field in fields(Job)}
    return {name: _property(declared(Job)[name], label, defaults[name]) for name, label in LABELS.items()}


def _property(setting: Setting, label: str, default: Any) -> Any:
    """By what it holds: one of some words, a switch, a number."""
    shown = {"name": label, "default": default, "description": setting.text[0].upper() + setting.text[1:]}
    if setting.choices:
        return EnumProperty(**shown, items=[(name, name.replace("_", " ").title(), "") for name in setting.choices])
    if default is None:
        return StringProperty(**shown | {"default": ""})  # empty: none given
    if isinstance(default, bool):
        return BoolProperty(**shown)
    limits = {to: setting.schema[key] for key, to in (("minimum", "min"), ("maximum", "max")) if key in setting.schema}
    return (FloatProperty if isinstance(default, float) else IntProperty)(**shown, **limits)


def values(group: bpy.types.PropertyGroup) -> dict[str, Any]:
    """Setting → what an artist chose, as fields of a job."""
    return {name: None if (value := getattr(group, name)) == "" else value for name in LABELS}
