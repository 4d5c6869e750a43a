"""The face on a mesh: which vertices carry which landmark. Found once (`find_face.py`), followed in every frame.

Each landmark is bound to a triangle of the mesh by barycentric weights, plus a small offset that turns with the head.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ....core.gioconda.landmarks import COUNT
from ..errors import RigError
from .rig_inputs import MeshPoints

Float = npt.NDArray[np.float64]
DIGITS = 6


@dataclass(frozen=True)
class Surface:
    """Landmarks on meshes.

    Attributes:
        mesh_points: for each mesh landmark numbers (`indices`), their triangles and weights.
        offsets: (478, 3) from each landmark's point on the mesh to the landmark, head space in the bind pose.
    """

    mesh_points: tuple[MeshPoints, ...]
    offsets: Float
    has_eyeballs: bool = True  # the irises are bound to eyeballs, so that they turn with them

    def to_json(self) -> str:
        meshes = [
            {
                "mesh": list(points.holder),
                "landmarks": points.indices.tolist(),
                "vertices": points.vertices.tolist(),
                "weights": points.weights.round(DIGITS).tolist(),
            }
            for points in self.mesh_points
        ]
        plain = {"meshes": meshes, "apart": self.offsets.round(DIGITS).tolist(), "looks": self.has_eyeballs}
        return json.dumps(plain, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Surface:
        """Raises: RigError: not what `to_json` wrote."""
        try:
            plain = json.loads(text)
            mesh_points = tuple(
                MeshPoints(
                    (entry["mesh"][0], entry["mesh"][1]),
                    np.array(entry["vertices"], np.int64),
                    np.array(entry["weights"], np.float64),
                    np.array(entry["landmarks"], np.int64),
                )
                for entry in plain["meshes"]
            )
            offsets = np.array(plain["apart"], np.float64)
        except (ValueError, KeyError, TypeError, IndexError):
            raise RigError("The stored face on the mesh is damaged; press Auto-Map again.") from None
        if offsets.shape != (COUNT, 3):
            raise RigError("The stored face on the mesh is of another version; press Auto-Map again.")
        return cls(mesh_points, offsets, bool(plain.get("looks", True)))
