"""Every pass a frame can have, and its channels. Standard library only."""

from __future__ import annotations

# Every pass a frame can have and its channels' names inside the EXR; Combined comes first and is always written.
PASSES = {
    "Combined": "RGBA",
    "Matte": "A",
    "Depth": "Z",
    "Vector": "XYZW",
    "UV": "UVA",
    "Face": "A",
    "Hair": "A",
    "Body": "A",
    "Eyes": "A",
    "Lips": "A",
    "Mouth": "A",
    "Disocclusion": "A",
    "Confidence": "A",
    "Plate": "RGBA",
}
DEFAULT_PASSES = ("Combined", "Matte", "Vector", "UV")
