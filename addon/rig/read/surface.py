"""The face on a mesh: which vertices carry which landmark. Found once (`find_face.py`), followed in every frame.

Each landmark hangs on a small triangle of skin: where the skin goes, the landmark goes, with the small distance
between the two turned as the head turns.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ....core.gioconda.landmarks import COUNT
from ..errors import RigError
from .rig_inputs import Skin

Float = npt.NDArray[np.float64]
DIGITS = 6


@dataclass(frozen=True)
class Surface:
    """Landmarks on meshes.

    Attributes:
        skins: by mesh: landmark numbers (`places`), their triangles and weights.
        apart: (478, 3) from each landmark's skin to the landmark, head space at rest.
    """

    skins: tuple[Skin, ...]
    apart: Float
    looks: bool = True  # the irises hang on eyeballs

    def to_json(self) -> str:
        meshes = [
            {
                "mesh": list(skin.holder),
                "landmarks": skin.places.tolist(),
                "vertices": skin.vertices.tolist(),
                "weights": skin.weights.round(DIGITS).tolist(),
            }
            for skin in self.skins
        ]
        plain = {"meshes": meshes, "apart": self.apart.round(DIGITS).tolist(), "looks": self.looks}
        return json.dumps(plain, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Surface:
        """Raises: RigError: not what `to_json` wrote."""
        try:
            plain = json.loads(text)
            skins = tuple(
                Skin(
                    (entry["mesh"][0], entry["mesh"][1]),
                    np.array(entry["vertices"], np.int64),
                    np.array(entry["weights"], np.float64),
                    np.array(entry["landmarks"], np.int64),
                )
                for entry in plain["meshes"]
            )
            apart = np.array(plain["apart"], np.float64)
        except (ValueError, KeyError, TypeError, IndexError):
            raise RigError("The stored face on the mesh is damaged; press Auto-Map again.") from None
        if apart.shape != (COUNT, 3):
            raise RigError("The stored face on the mesh is of another version; press Auto-Map again.")
        return cls(skins, apart, bool(plain.get("looks", True)))
