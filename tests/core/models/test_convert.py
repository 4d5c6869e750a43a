"""MediaPipe's networks: converting them gives the files that are in git, to the byte, every time."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from gioconda.errors import ModelError

from onnx_models.convert.__main__ import LIST, MODELS, build, converted, main, pinned, sha256
from onnx_models.convert.convert import convert
from onnx_models.convert.wheel import Package, download_wheel, read_asset, read_wheel

PACKAGE = Package(**yaml.safe_load(LIST.read_text(encoding="utf-8"))["package"])


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel with the original networks, from pip's index or cache."""
    try:
        return download_wheel(PACKAGE, tmp_path_factory.mktemp("wheel"))
    except ModelError as error:
        pytest.skip(f"the wheel cannot be had here: {error}")


@pytest.mark.slow
def test_converting_gives_the_pinned_bytes_every_time(wheel: Path) -> None:
    entries = converted()
    entries = [entry for entry in entries if "url" not in entry]
    originals = read_wheel(wheel, PACKAGE, [entry["source"] for entry in entries])
    assert len(entries) == 4
    for entry in entries:
        assert sha256(originals[entry["source"]]) == entry["source_sha256"]
        assert sha256(convert(originals[entry["source"]], entry)) == entry["sha256"]
        assert sha256(convert(originals[entry["source"]], entry)) == entry["sha256"]


def test_the_files_in_git_are_those_and_so_is_the_licence(wheel: Path, shared_data: Path, tmp_path: Path) -> None:
    originals = shared_data / "models"
    options = ["--wheel", str(wheel), "--originals", str(originals), "--output", str(tmp_path / "made")]
    assert main(options) == 0
    made = {path.name: path.read_bytes() for path in (tmp_path / "made").iterdir()}
    assert made == build(wheel, tmp_path, originals)
    assert made == {name: (MODELS / name).read_bytes() for name in made}
    assert b"Apache License" in made["NOTICE-mediapipe"]


def test_pinning_changes_nothing_but_the_hashes_of_what_was_made() -> None:
    text = LIST.read_text(encoding="utf-8")
    changed = pinned(text, {"face_landmarks.onnx": b"other", "NOTICE-mediapipe": b"no network"})
    (old, new) = (yaml.safe_load(each)["models"] for each in (text, changed))
    assert [a["name"] for a, b in zip(old, new, strict=True) if a != b] == ["face_landmarks"]
    assert {**new[2], "sha256": old[2]["sha256"]} == old[2] and new[2]["sha256"] == sha256(b"other")


def test_a_network_that_is_not_in_the_wheel_is_taken_from_a_folder_and_checked(tmp_path: Path) -> None:
    (entry,) = (entry for entry in converted() if "url" in entry)
    with pytest.raises(ModelError, match="cannot be had"):
        read_asset(entry, tmp_path)
    (tmp_path / entry["source"]).write_bytes(b"TFL3")
    with pytest.raises(ModelError, match="not the expected one"):
        read_asset(entry, tmp_path)


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "mediapipe-0.10.21-cp311-other.whl"
    other.write_bytes(b"PK")
    with pytest.raises(ModelError, match="not the expected mediapipe"):
        read_wheel(other, PACKAGE, [])


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
        download_wheel(PACKAGE, tmp_path)
