"""A binary glTF 2.0 file, part by part: numpy arrays in, one file out.

Source: Khronos, "glTF 2.0 Specification". Libraries such as pygltflib hold the JSON only; the bytes of accessors, all
that is not plain JSON here, they leave to the caller.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Int

_COMPONENTS = {np.dtype(np.uint8): 5121, np.dtype(np.uint16): 5123, np.dtype(np.uint32): 5125}
_COMPONENTS[np.dtype(np.float32)] = 5126
_VERTICES, _INDICES = 34962, 34963  # what a buffer view is for
_LINEAR, _MIPMAPS, _CLAMP = 9729, 9987, 33071
UNLIT = "KHR_materials_unlit"


class Gltf:
    """A file in the making. Each method adds a part and returns its index."""

    def __init__(self, asset: Mapping[str, Any]) -> None:
        self._bytes = bytearray()
        self._parts: dict[str, list[dict[str, Any]]] = {}
        self._asset = {"version": "2.0", **asset}

    def add(self, kind: str, **part: Any) -> int:
        """A part that is plain JSON: kind is its list's name, "nodes", "meshes", "skins" …; None is left out."""
        parts = self._parts.setdefault(kind, [])
        parts.append({name: value for name, value in part.items() if value is not None})
        return len(parts) - 1

    def part(self, kind: str, index: int) -> dict[str, Any]:
        """A copy of a part as it was added."""
        return dict(self._parts[kind][index])

    def change(self, kind: str, index: int, **more: Any) -> None:
        """Add fields to a part."""
        self._parts[kind][index].update(more)

    def _view(self, data: bytes, target: int | None) -> int:
        self._bytes += b"\0" * (-len(self._bytes) % 4)
        start = len(self._bytes)
        self._bytes += data
        return self.add("bufferViews", buffer=0, byteOffset=start, byteLength=len(data), target=target)

    def vertices(self, values: npt.NDArray[Any], *, bounds: bool = False) -> int:
        """An accessor of (N, 2…4) float32 or uint8, one row a vertex. `bounds`: positions, which must state them."""
        kind = f"VEC{values.shape[1]}"
        limits = {"min": values.min(0).tolist(), "max": values.max(0).tolist()} if bounds else {}
        return self._accessor(values, kind, _VERTICES, **limits)

    def indices(self, triangles: Int) -> int:
        """An accessor of (T, 3) vertex numbers."""
        wide = np.uint32 if triangles.max() >= 65535 else np.uint16
        return self._accessor(triangles.reshape(-1).astype(wide), "SCALAR", _INDICES)

    def matrices(self, values: npt.NDArray[np.float32]) -> int:
        """An accessor of (N, 4, 4) matrices, which are stored column by column."""
        return self._accessor(values.transpose(0, 2, 1).reshape(-1, 16), "MAT4", None)

    def _accessor(self, values: npt.NDArray[Any], kind: str, target: int | None, **more: Any) -> int:
        view = self._view(np.ascontiguousarray(values).tobytes(), target)
        component = _COMPONENTS[values.dtype]
        return self.add("accessors", bufferView=view, componentType=component, count=len(values), type=kind, **more)

    def material(self, name: str, png: bytes | None, *, alpha: str = "OPAQUE", both_sides: bool = True) -> int:
        """A material that shows a texture, or else vertex colours, as it is: a portrait has its own light."""
        look: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
        if png is not None:
            if "samplers" not in self._parts:
                self.add("samplers", magFilter=_LINEAR, minFilter=_MIPMAPS, wrapS=_CLAMP, wrapT=_CLAMP)
            image = self.add("images", name=name, bufferView=self._view(png, None), mimeType="image/png")
            look["baseColorTexture"] = {"index": self.add("textures", source=image, sampler=0)}
        return self.add(
            "materials",
            name=name,
            pbrMetallicRoughness=look,
            alphaMode=alpha,
            doubleSided=both_sides,
            extensions={UNLIT: {}},
        )

    def to_bytes(self, **top: Any) -> bytes:
        """The whole file. `top`: fields of the outermost object, such as scene."""
        binary = bytes(self._bytes) + b"\0" * (-len(self._bytes) % 4)
        document = {
            "asset": self._asset,
            "extensionsUsed": [UNLIT],
            "buffers": [{"byteLength": len(binary)}],
            **self._parts,
            **top,
        }
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        length = 12 + 8 + len(text) + 8 + len(binary)
        head = struct.pack("<4sII", b"glTF", 2, length)
        chunks = ((text, b"JSON"), (binary, b"BIN\0"))
        return head + b"".join(struct.pack("<I4s", len(data), kind) + data for data, kind in chunks)
