"""Blender's entry. The builder wants this file beside the manifest; everything is in `addon/`."""


def register() -> None:
    from . import addon

    addon.register()


def unregister() -> None:
    from . import addon

    addon.unregister()
