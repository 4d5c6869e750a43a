"""Surfaces and textures as a glTF scene: metres, y up, the face towards +z, a joint that turns the head.

Portrait          the root; its extras hold the statement of rights
  Body, Head      joints: Head turns the head about its neck, which follows softly
    EyeLeft …     what hangs from the head: eyes, irises, teeth, spectacles
  Plate           what is behind the person
  Camera          orthographic, sees the picture as it was
Face, HeadBack    skinned by the joints
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..arrays import Float, Float32
from ..engine.anatomy import vertex_normals
from ..imaging import resample
from .gltf import Gltf
from .relief import Relief, Surface

_AXES = np.array([1.0, -1.0, -1.0])  # picture space → glTF's: half a turn about x
_FACE = "Face"  # the material of the face, which shows the person's texture too, but has no edges
_PERSON, _MOUTH, _PLATE = "Person", "Mouth", "Plate"
_CAMERA = 0.5  # metres before the nearest point


def to_glb(relief: Relief, asset: Mapping[str, Any], *, blend: bool = True) -> bytes:
    """The file.

    Args:
        asset: what its `asset` says beside the version: generator, copyright, extras.
        blend: soft edges of hair are blended; off: cut at half, for engines that sort transparent parts badly.
    """
    file = Gltf(asset)
    soft = "BLEND" if blend else "MASK"
    materials = {_MOUTH: file.material(_MOUTH, None)}
    for name, texture in relief.textures.items():
        opaque = texture.shape[2] == 3 or bool((texture[..., 3] == 255).all())
        png = resample.encode_png(texture[..., :3] if opaque else texture)
        alpha = "OPAQUE" if opaque else "BLEND" if name.startswith("Iris") else soft
        materials[name] = file.material(name, png, alpha=alpha)
    materials[_FACE] = _same_texture(file, materials[_PERSON])

    def place(points: Float, origin: Float) -> Float32:
        return np.asarray((points - origin) * _AXES * relief.unit, np.float32)

    turns = place(relief.pivot, relief.centre)
    hanging, skinned, others = list[int](), list[int](), list[int]()
    for name, surface in relief.surfaces.items():
        hangs = surface.follows is None and name != _PLATE
        mesh = _mesh(file, name, surface, place(surface.position, relief.pivot if hangs else relief.centre), materials)
        node = file.add("nodes", name=name, mesh=mesh, skin=None if surface.follows is None else 0)
        (hanging if hangs else others if surface.follows is None else skinned).append(node)
        _targets(file, mesh, surface, relief.unit)
    head = file.add("nodes", name="Head", translation=[float(x) for x in turns], children=hanging or None)
    body = file.add("nodes", name="Body", children=[head])
    bind = np.stack([np.eye(4), np.eye(4)]).astype(np.float32)
    bind[1, :3, 3] = -turns
    file.add("skins", name="Portrait", joints=[body, head], skeleton=body, inverseBindMatrices=file.matrices(bind))
    camera = _camera(file, relief)
    extras = asset.get("extras")
    root = file.add("nodes", name="Portrait", children=[body, *others, camera], extras=extras)
    scene = file.add("scenes", name="Portrait", nodes=[root, *skinned])
    return file.to_bytes(scene=scene)


def _same_texture(file: Gltf, material: int) -> int:
    """The face's material: another one's texture, opaque, so that engines draw it with the solid parts."""
    return file.add("materials", **{**file.part("materials", material), "name": _FACE, "alphaMode": "OPAQUE"})


def _mesh(file: Gltf, name: str, surface: Surface, position: Float32, materials: Mapping[str, int]) -> int:
    every = np.concatenate(list(surface.triangles.values()))
    normals = vertex_normals(position.astype(np.float64), every)
    normals[np.linalg.norm(normals, axis=1) < 0.5] = (0, 0, 1)  # of no triangle
    attributes = {
        "POSITION": file.vertices(position, bounds=True),
        "NORMAL": file.vertices(normals.astype(np.float32)),
    }
    if surface.uv is not None:
        attributes["TEXCOORD_0"] = file.vertices(surface.uv.astype(np.float32))
    if surface.colour is not None:
        attributes["COLOR_0"] = file.vertices(np.clip(surface.colour, 0, 1).astype(np.float32))
    if surface.follows is not None:
        joints, weights = _skinning(surface.follows)
        attributes |= {"JOINTS_0": file.vertices(joints), "WEIGHTS_0": file.vertices(weights)}
    primitives = [
        {"attributes": attributes, "indices": file.indices(triangles), "material": materials[material]}
        for material, triangles in surface.triangles.items()
        if len(triangles)
    ]
    return file.add("meshes", name=name, primitives=primitives)


def _targets(file: Gltf, mesh: int, surface: Surface, unit: float) -> None:
    """Give a mesh its morph targets, by name; all its primitives have the same."""
    if not surface.targets:
        return
    shifts = [(shift * _AXES * unit).astype(np.float32) for shift in surface.targets.values()]
    targets = [{"POSITION": file.vertices(shift, bounds=True)} for shift in shifts]
    primitives = file.part("meshes", mesh)["primitives"]
    file.change(
        "meshes",
        mesh,
        primitives=[{**primitive, "targets": targets} for primitive in primitives],
        weights=[0.0] * len(targets),
        extras={"targetNames": list(surface.targets)},
    )


def _skinning(follows: Float) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], Float32]:
    """Joints and weights (N, 4): Head (1) by so much, Body (0) by the rest; what weighs nothing names joint 0."""
    weights = np.zeros((len(follows), 4), np.float32)
    joints = np.zeros((len(follows), 4), np.uint8)
    head = follows.astype(np.float32)
    joints[:, 0] = head > 0
    weights[:, 0] = np.where(head > 0, head, 1)
    weights[:, 1] = np.where(head > 0, 1 - head, 0)
    return joints, weights


def _camera(file: Gltf, relief: Relief) -> int:
    """An orthographic camera before the picture, which it sees whole."""
    width, height = relief.size
    depths = [part.position[:, 2] for part in relief.surfaces.values()]
    near, far = min(float(z.min()) for z in depths), max(float(z.max()) for z in depths)
    distance = (far - near) * relief.unit + _CAMERA
    magnified = {"xmag": width / 2 * relief.unit, "ymag": height / 2 * relief.unit}
    lens = file.add("cameras", type="orthographic", orthographic={**magnified, "znear": 0.01, "zfar": distance + 0.5})
    at = (np.array([width / 2, height / 2, near]) - relief.centre) * _AXES * relief.unit + [0, 0, _CAMERA]
    return file.add("nodes", name="Camera", camera=lens, translation=[float(x) for x in at])
