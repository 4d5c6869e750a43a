"""Well-known rigs are recognised by their names: stand-ins with the real names, and a face that Rigify generates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

PRESETS = {
    "Auto-Rig Pro": "Auto-Rig Pro face",
    "BlenRig": "BlenRig face",
    "MetaHuman": "MetaHuman curves",
    "board": "MetaHuman face board",
    "CC4": "Character Creator / iClone",
    "VRM 0": "VRM / VRoid",
    "VRM 1": "VRM / VRoid",
    "VRoid": "VRM / VRoid",
    "VRoid, old": "VRM / VRoid",
    "Perfect Sync": "ARKit shapes",
    "Faceit": "ARKit shapes",
}


@pytest.fixture(scope="module")
def found(blender: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("presets")
    return blender.run(
        Path(__file__).with_name("rig_presets.py"), Path(__file__).parent, "names", folder=folder, timeout=120
    )


@pytest.mark.parametrize("rig", PRESETS)
def test_a_rig_is_recognised_mapped_and_answers(found: dict[str, Any], rig: str) -> None:
    answer = found[rig]
    assert "error" not in answer, answer
    assert answer["preset"] == PRESETS[rig]
    assert answer["share"] >= 0.9, answer["unknown"]
    assert not answer["silent"] and f"{answer['rows']} of {answer['rows']} rows answer" in answer["tested"]


@pytest.mark.parametrize("rig", ["Auto-Rig Pro", "BlenRig"])
def test_bones_are_taken_for_the_part_of_the_face_they_are_on(found: dict[str, Any], rig: str) -> None:
    assert found[rig]["apart"] == {}
    assert all(found[rig]["eyes"]) and found[rig]["head"]


def test_names_mean_the_right_channels(found: dict[str, Any]) -> None:
    board = found["board"]["channels"]
    assert board["CTRL_C_jaw"] == {"jawOpen": 1, "jawLeft": 1, "jawRight": -1}
    assert board["CTRL_R_eye_blink"] == {"eyeBlinkRight": 1, "eyeWideRight": -1}
    assert board["CTRL_R_eye"] == {
        "eyeLookUpRight": 1,
        "eyeLookDownRight": -1,
        "eyeLookInRight": 1,
        "eyeLookOutRight": -1,
    }
    assert found["CC4"]["channels"]["Eye_R_Look_L"] == {"eyeLookInRight": 1}
    assert found["CC4"]["channels"]["Mouth_Frown_R"] == {"mouthFrownRight": 1}
    assert found["MetaHuman"]["channels"]["CTRL_expressions_eyeLookLeftR"] == {"eyeLookInRight": 1}
    assert found["VRM 1"]["channels"]["blinkLeft"] == {"eyeBlinkLeft": 1}
    assert found["VRoid, old"]["channels"]["Face.M_F00_000_00_Fcl_EYE_Close_R"] == {"eyeBlinkRight": 1}


def test_a_face_that_rigify_generates(blender: Any, tmp_path: Path) -> None:
    answer = blender.run(
        Path(__file__).with_name("rig_presets.py"), Path(__file__).parent, "rigify", folder=tmp_path, timeout=240
    )["Rigify"]
    print(answer["tested"])
    assert answer["preset"] == "Rigify face"
    assert answer["share"] >= 0.9, answer["unknown"]
    assert not answer["silent"]
    chin, corner = answer["moved"]["chin"], answer["moved"]["corner"]
    assert chin[1] > 0.1, "the jaw's control opens the mouth: the chin goes down"
    assert max(abs(v) for v in corner) > 0.1
