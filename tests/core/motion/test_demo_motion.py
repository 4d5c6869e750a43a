"""The demo's own take."""

from __future__ import annotations

import numpy as np
import pytest
from gioconda.landmarks import ARKIT, template
from gioconda.motion.demo_motion import make_demo_motion
from gioconda.motion.retarget import retarget
from gioconda.pose import euler_degrees

TAKE = make_demo_motion()


def channel(name: str) -> np.ndarray:
    return TAKE.channel_matrix()[:, ARKIT.index(name)]


def test_it_lasts_four_seconds_and_starts_and_ends_neutral() -> None:
    assert TAKE.fps == 24 and len(TAKE) == 97
    performance = retarget(TAKE, template() * 300 + 400)
    assert performance[0].is_identity and performance[96].is_identity
    assert not performance[40].is_identity


def test_it_talks_smiles_blinks_and_looks_around() -> None:
    assert channel("jawOpen").max() > 0.2
    assert ((channel("jawOpen")[1:-1] > 0.1) & (np.diff(np.sign(np.diff(channel("jawOpen")))) < 0)).sum() >= 4
    assert channel("mouthSmileLeft").max() > 0.5
    assert channel("browInnerUp").max() > 0.4
    blinks = channel("eyeBlinkLeft") > 0.9
    assert (np.diff(blinks.astype(int)) == 1).sum() == 4
    assert channel("eyeLookOutLeft").max() > 0.3 and channel("eyeLookInLeft").max() > 0.2
    yaw = np.array([euler_degrees(r)[0] for r in TAKE.rotation])  # type: ignore[union-attr]
    assert yaw.max() > 7 and yaw.min() < -4 and np.abs(yaw).max() < 15


@pytest.mark.parametrize("fps", [24.0, 60.0])
def test_nothing_jumps_but_eyes_and_lids(fps: float) -> None:
    take = make_demo_motion(fps)
    slow = np.array([not n.startswith("eye") for n in ARKIT])
    assert np.abs(np.diff(take.channel_matrix()[:, slow], axis=0)).max() < 0.36 * 24 / fps
    yaw, pitch, roll = np.array([euler_degrees(r) for r in take.rotation]).T  # type: ignore[union-attr]
    for angle in (yaw, pitch, roll):
        assert np.abs(np.diff(angle)).max() < 2.5 * 24 / fps


def test_the_two_sides_are_not_quite_in_time() -> None:
    assert np.abs(channel("mouthSmileLeft") - channel("mouthSmileRight")).max() > 0.02
