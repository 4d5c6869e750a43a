"""Live in a real Blender: packets in, pictures in an image, a take that drives the portrait; nothing blocks."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def lived(blender: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What live_acts.py found."""
    folder = tmp_path_factory.mktemp("live")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return blender.run(HERE / "live_acts.py", HERE, folder, port, folder=folder, timeout=900)


def test_nobody_goes_live_without_a_right(lived: dict[str, Any]) -> None:
    assert "may be animated" in " ".join(map(str, lived["without a right"]))


def test_pictures_are_shown_while_blender_stays_free(lived: dict[str, Any]) -> None:
    assert lived["waits"] and "Waiting for Live Link Face at 127.0.0.1" in lived["note"]
    assert lived["shown"] and lived["error"] == ""
    name, dirty, size = lived["image"]
    assert name.endswith(" Live") and not dirty and size <= 512
    assert lived["start took"] < 1 and lived["longest round"] < 0.5


def test_the_take_drives_the_portrait(lived: dict[str, Any]) -> None:
    assert lived["ended"]
    assert lived["takes"] and lived["takes"][0].startswith("played")
    assert lived["driven by"] == ["FILE", "played.npz", True] and "drives the portrait" in lived["said"]


def test_what_goes_wrong_is_told(lived: dict[str, Any]) -> None:
    assert lived["killed"]
    assert "no address of this machine" in lived["no address"]
