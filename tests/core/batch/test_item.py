"""Rendering an item: a device that fails in the middle is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gioconda.batch.item import of_the_nets
from gioconda.models import model_path
from gioconda.models.runtime import Session


def test_what_the_nets_raise_is_known_as_theirs(models_folder: Path) -> None:
    session = Session(model_path("face_detection_short_range", models_folder), "cpu")
    name = session._session.get_inputs()[0].name
    with pytest.raises(Exception) as caught:  # noqa: B017, PT011 - a class of ONNX Runtime's own
        session._session.run(None, {name: np.zeros((1, 1), np.float32)})
    assert of_the_nets(caught.value)
    assert not of_the_nets(ValueError("ours"))
