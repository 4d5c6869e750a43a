"""The networks on disk: listed, in git, and refused when they are not the expected ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import yaml
from gioconda.cli.main import main
from gioconda.errors import ExitCode, ModelError
from gioconda.models import load_registry, model_path, registry


def test_every_model_is_listed_with_what_its_user_must_know() -> None:
    models = load_registry()
    assert {"face_detection_short_range", "face_detection_full_range", "face_landmarks", "person_segmentation"} <= set(
        models
    )
    for model in models.values():
        assert model.licence and model.provenance and model.inputs and model.outputs
        assert len(model.sha256) == 64 and all(shape[0] in ("N", "M") for shape in model.outputs.values())


def test_the_files_have_the_inputs_and_outputs_of_the_list(models_folder: Path) -> None:
    for model in load_registry(models_folder).values():
        session = onnxruntime.InferenceSession(
            str(model_path(model.name, models_folder)), providers=["CPUExecutionProvider"]
        )
        assert {i.name: tuple(i.shape) for i in session.get_inputs()} == model.inputs
        assert {o.name: tuple(o.shape) for o in session.get_outputs()} == model.outputs


@pytest.mark.parametrize("words", [[], ["verify"], ["build"]])
def test_the_command_says_that_the_networks_are_whole(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", *words]) == ExitCode.OK
    assert "all there and whole" in capsys.readouterr().out


def test_the_command_refuses_a_folder_that_lacks_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--models", str(tmp_path)]) == ExitCode.MODELS
    assert "is missing" in capsys.readouterr().err
    assert main(["models", "list", "--models", str(tmp_path)]) == ExitCode.OK
    assert "! face_landmarks" in capsys.readouterr().out


def test_a_model_with_a_wrong_hash_is_refused(models_folder: Path, tmp_path: Path) -> None:
    content = bytearray((models_folder / "face_landmarks.onnx").read_bytes())
    content[1000] ^= 1
    (tmp_path / "face_landmarks.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="not the expected one"):
        model_path("face_landmarks", tmp_path)


def test_a_missing_model_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="restore the folder onnx_models"):
        model_path("face_landmarks", tmp_path)
    with pytest.raises(ModelError, match="there are face_detection_short_range"):
        model_path("face_lamdnarks", tmp_path)


def test_a_broken_list_says_so(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("models: [1, 2", encoding="utf-8")
    with pytest.raises(ModelError, match=r"models\.yaml cannot be understood"):
        load_registry(tmp_path)


def test_a_list_that_lacks_a_hash_says_so(models_folder: Path, tmp_path: Path) -> None:
    listed = yaml.safe_load((models_folder / "models.yaml").read_text(encoding="utf-8"))
    del listed["models"][0]["sha256"]
    (tmp_path / "models.yaml").write_text(yaml.safe_dump(listed), encoding="utf-8")
    with pytest.raises(ModelError, match=r"cannot be understood \('sha256'\)"):
        load_registry(tmp_path)


def test_the_models_folder_can_be_chosen_by_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIOCONDA_MODELS", str(tmp_path))
    assert registry.models_folder() == tmp_path
    assert registry.models_folder(tmp_path / "other") == tmp_path / "other"
    assert load_registry()  # the list comes with the code
    monkeypatch.delenv("GIOCONDA_MODELS")
    assert registry.models_folder().name == "onnx_models"


def test_a_network_answers_for_each_picture_of_a_batch_alone(models_folder: Path) -> None:
    random = np.random.default_rng(0)
    session = onnxruntime.InferenceSession(
        str(model_path("face_landmarks", models_folder)), providers=["CPUExecutionProvider"]
    )
    images = random.random((3, 192, 192, 3), np.float32)
    together = session.run(None, {"image": images})
    for index in range(3):
        for batch, single in zip(together, session.run(None, {"image": images[index : index + 1]}), strict=True):
            assert np.allclose(batch[index], single[0], atol=1e-3)
