"""Files that version 0.1 wrote (tests/data/version_0_1) are read as they were meant. Its .blend: tests/addon."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gioconda.errors import ModelError
from gioconda.motion.files import load_motion
from gioconda.neural import person

OLD = Path(__file__).resolve().parents[1] / "data" / "version_0_1"


@pytest.mark.parametrize("name", ["motion.npz", "motion.json"])
def test_a_motion_is_read(name: str) -> None:
    motion = load_motion(OLD / name)
    assert (motion.fps, motion.frames.tolist(), motion.size) == (29.97, [3, 4, 7], (640, 480))
    landmarks = (np.arange(3 * 478 * 3).reshape(3, 478, 3) % 640).astype(np.float32)
    landmarks[1, 5] = np.nan
    assert motion.landmarks is not None and np.array_equal(motion.landmarks, landmarks, equal_nan=True)
    assert (motion.channel_names, motion.channels_add) == (("jawOpen", "eyeBlinkLeft"), True)
    channels = np.array([[0, 0.25], [0.5, np.nan], [1, 0.75]], np.float32)
    assert motion.channels is not None and np.array_equal(motion.channels, channels, equal_nan=True)
    assert motion.rotation is not None and motion.rotation[1].tolist() == [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    assert motion.translation is not None and motion.translation[1].tolist() == [0.5, -0.25, 1]
    assert motion.scale is not None and motion.scale.tolist() == [1, 1.5, 0.5]
    assert motion.confidence is not None and motion.confidence.tolist() == [1, 0.5, 0.25]
    assert (motion.neutral, motion.provenance) == (1, {"source": "take.csv", "app": "Live Link Face"})


def test_an_identity_file_is_read() -> None:
    path = OLD / "identity.npz"
    assert person.network_of(path) == "ab" * 32
    known = person.load_person(path, network="ab" * 32)
    assert known.embedding.tolist() == [[k / 4 for k in range(8)]]
    assert {name: change.tolist() for name, change in known.changes.items()} == {
        "decoder.weight": [[0, 1, 2], [3, 4, 5]]
    }
    with pytest.raises(ModelError, match="another network"):
        person.load_person(path, network="cd" * 32)
