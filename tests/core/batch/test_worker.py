"""A worker's answers: what failed and why, and a device that fails in the middle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gioconda.batch.worker import failure, of_the_nets, work
from gioconda.errors import DiskFullError, ExitCode, NoFaceError, SettingsError
from gioconda.models import model_path
from gioconda.models.runtime import Session
from gioconda.worker.messages import Error, Message


def explain(error: Exception) -> Error:
    return Error(1, f"a bug: {error}")


@pytest.mark.parametrize(
    ("error", "code", "cause"),
    [
        (DiskFullError("full"), ExitCode.OUTPUT, "disk"),
        (NoFaceError("no face"), ExitCode.NO_FACE, ""),
        (MemoryError(), ExitCode.FAILED, "memory"),
        (RuntimeError("bad allocation"), ExitCode.FAILED, "memory"),
        (ZeroDivisionError("oh"), ExitCode.FAILED, ""),
    ],
)
def test_a_failure_says_what_to_do_about_it(error: Exception, code: int, cause: str) -> None:
    told = failure(error, explain)
    assert (told["state"], told["code"], told["cause"]) == ("failed", code, cause)


def test_what_the_nets_raise_is_known_as_theirs(models_folder: Path) -> None:
    session = Session(model_path("face_detection_short_range", models_folder), "cpu")
    name = session._session.get_inputs()[0].name
    with pytest.raises(Exception) as caught:  # noqa: B017, PT011 - a class of ONNX Runtime's own
        session._session.run(None, {name: np.zeros((1, 1), np.float32)})
    assert of_the_nets(caught.value)
    assert not of_the_nets(ValueError("ours"))


def test_a_line_that_is_no_task_ends_the_worker() -> None:
    told: list[Message] = []
    with pytest.raises(SettingsError, match="no task"):
        work(["{}\n"], told.append, explain)
    assert told == []
