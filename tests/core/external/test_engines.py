"""Files of other people's engines: pinned, checked, refused with a sentence; LivePortrait's keypoints and networks."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from gioconda.errors import ModelError
from gioconda.external.catalogue import NETWORKS
from gioconda.external.folder import FILE, Notice, pin, provenance_of, read_notice
from gioconda.external.keypoints import KeypointMotion, degrees, points, rotation, stitched
from gioconda.external.liveportrait import LivePortrait
from onnx import helper

from .tiny_networks import GENERATOR, OUTPUTS, write_net, write_nets

STATED = {"licence": "MIT, says its page", "source": "https://example.org/nets"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny networks of the right signatures, pinned."""
    folder = write_nets(tmp_path_factory.mktemp("engine"))
    pin(folder, **STATED)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(made, tmp_path / "engine"))


def refused(folder: Path) -> str:
    """The one sentence with which the engine in a folder is refused."""
    with pytest.raises(ModelError) as error:
        LivePortrait.open(folder, "cpu", threads=1)
    sentence = str(error.value)
    assert sentence.endswith((".", "?"))
    assert "\n" not in sentence
    return sentence


# --- files ----------------------------------------------------------------------------------------------------------


def test_pinned_files_open_and_say_whose_they_are(folder: Path) -> None:
    engine = LivePortrait.open(folder, "cpu", threads=1)
    assert engine.device == "cpu"
    assert engine.notice == read_notice(folder)
    assert all(word in engine.notice.sentence() for word in ("LivePortrait", *STATED.values()))
    assert set(engine.notice.plain()["sha256"]) == {path.name for path in folder.glob("*.onnx")}


def test_a_folder_that_nobody_pinned_is_refused(folder: Path) -> None:
    (folder / FILE).unlink()
    assert "gioconda engines pin" in refused(folder)


def test_another_file_under_the_name_is_refused(folder: Path) -> None:
    write_nets(folder, seed=1)
    assert re.search("appearance_feature_extractor.onnx is not the file .* names", refused(folder))


def test_a_missing_file_is_named_and_where_it_is_published(folder: Path) -> None:
    (folder / "stitching.onnx").unlink()
    sentence = refused(folder)
    assert "has no stitching.onnx" in sentence
    assert "huggingface.co/warmshao" in sentence


def test_the_export_for_a_tensorrt_plugin_is_told_from_the_one_that_runs(folder: Path) -> None:
    (folder / "warping_spade.onnx").rename(folder / "warping_spade-fix.onnx")
    assert "GridSample3D" in refused(folder)


@pytest.mark.parametrize("domain", ["", "studio.ops"])
def test_an_operator_that_onnx_runtime_lacks_is_named(folder: Path, domain: str) -> None:
    nodes = [helper.make_node("GridSample3D", ["feature_3d", "kp_driving", "kp_source"], ["out"], domain=domain)]
    write_net(folder / "warping_spade.onnx", nodes, GENERATOR, [("out", (1, 3, 512, 512))], {})
    pin(folder, **STATED)
    assert "needs the operator" in refused(folder)
    assert "GridSample3D" in refused(folder)


def test_weights_in_another_file_are_refused_because_no_hash_covers_them(folder: Path) -> None:
    from onnx import load, save

    model = load(folder / "motion_extractor.onnx")
    save(model, folder / "motion_extractor.onnx", save_as_external_data=True, size_threshold=0, location="weights")
    with pytest.raises(ModelError, match="no hash covers"):
        pin(folder, **STATED)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"engine": "nobody"}, "no engine “nobody”"),
        ({"licence": ""}, "lacks “licence”"),
        ({"source": None}, "lacks “source”"),
        ({"sha256": []}, "no SHA-256 of appearance"),
        ({"sha265": {}}, "unknown entry “sha265”"),
    ],
)
def test_an_engine_yaml_that_does_not_say_everything_is_refused(
    folder: Path, change: dict[str, object], told: str
) -> None:
    content = yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))
    (folder / FILE).write_text(yaml.safe_dump(content | change), encoding="utf-8")
    assert told in refused(folder)


@pytest.mark.parametrize("content", ["[", "a text", "\x00", "x: *nothing", "- " * 200_000])
def test_an_engine_yaml_that_is_none_is_refused(folder: Path, content: str) -> None:
    (folder / FILE).write_text(content, encoding="utf-8")
    assert FILE in refused(folder)


def test_what_cannot_be_pinned_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no file of an engine"):
        pin(tmp_path / "nothing", **STATED)
    with pytest.raises(ModelError, match="--licence"):
        pin(folder, licence=" ", source="here")
    (folder / "stitching.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match=r"stitching\.onnx cannot be read, or is empty"):
        pin(folder, **STATED)


def test_known_hashes_are_whole_and_only_said_of_the_very_file() -> None:
    theirs = {net.file: net.sha256 for net in NETWORKS}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in theirs.values())
    assert all(provenance_of(Notice("liveportrait", "MIT", "there", theirs)).values())
    assert not any(provenance_of(Notice("liveportrait", "MIT", "there", dict.fromkeys(theirs, "0" * 64))).values())


# --- networks -------------------------------------------------------------------------------------------------------


def test_a_network_for_other_pictures_is_refused(folder: Path) -> None:
    write_nets(folder, seen=128)
    pin(folder, **STATED)
    assert "its input “img” is 1 × 3 × 128 × 128, not 1 × 3 × 256 × 256" in refused(folder)


def test_networks_that_were_swapped_are_refused(folder: Path) -> None:
    shutil.copy(folder / "stitching.onnx", folder / "motion_extractor.onnx")
    pin(folder, **STATED)
    assert "it has no input “img”" in refused(folder)


def test_a_file_that_is_no_network_is_refused(folder: Path) -> None:
    (folder / "stitching.onnx").write_bytes(b"<html>404</html>")
    pin(folder, **STATED)
    assert "is no network ONNX Runtime can load" in refused(folder)


def test_an_answer_of_another_size_is_refused(folder: Path) -> None:
    nodes = [helper.make_node("Slice", ["input", "from", "to", "axis"], ["output"])]
    numbers = {"from": np.array([0]), "to": np.array([60]), "axis": np.array([1])}
    write_net(folder / "stitching.onnx", nodes, [("input", (1, 126))], [("output", (1, "n"))], numbers)  # type: ignore[list-item]
    pin(folder, **STATED)
    engine, picture = LivePortrait.open(folder, "cpu", threads=1), np.full((256, 256, 3), 0.5, np.float32)
    with pytest.raises(ModelError, match="its output “output” is 1 × 60, not 1 × 65"):
        engine.prepare(picture).frame(picture)


def test_a_frame_follows_its_driving_picture_and_nothing_else(folder: Path) -> None:
    random = np.random.default_rng(3)
    source, driving = random.random((2, 256, 256, 3)).astype(np.float32)
    known = LivePortrait.open(folder, "cpu", threads=1).prepare(source)
    first = known.frame(driving)
    rest = known.frame(source)
    assert first.picture.shape == (512, 512, 3)
    assert 0 <= first.picture.min() < first.picture.max() <= 1
    assert np.array_equal(known.frame(driving).picture, first.picture)
    assert not np.array_equal(first.picture, rest.picture)
    assert first.alpha.shape == (512, 512)
    assert first.alpha[0].max() < 0.01
    assert first.alpha[256, 256] == 1


# --- keypoints ------------------------------------------------------------------------------------------------------


def some_motion(seed: int) -> KeypointMotion:
    random = np.random.default_rng(seed)
    answers = {name: random.normal(0, 0.3, (1, count)) for name, count in OUTPUTS.items()}
    return KeypointMotion.of(answers | {"scale": np.array([[1.3]])})


def test_an_angle_is_the_mean_of_its_bins() -> None:
    one = np.full(66, -1e3)
    one[40] = 0
    assert degrees(one) == pytest.approx(40 * 3 - 97.5)
    assert degrees(np.zeros(66)) == pytest.approx(0)
    assert degrees(one + 900) == pytest.approx(40 * 3 - 97.5)  # no overflow


def test_rotations_turn_rows_about_x_then_y_then_z() -> None:
    assert np.allclose(np.array([0, 1, 0]) @ rotation(90, 0, 0), [0, 0, 1])
    assert np.allclose(np.array([0, 0, 1]) @ rotation(0, 90, 0), [1, 0, 0])
    assert np.allclose(np.array([1, 0, 0]) @ rotation(0, 0, 90), [0, 1, 0])
    whole = rotation(10, 20, 30)
    assert np.allclose(whole, rotation(10, 0, 0) @ rotation(0, 20, 0) @ rotation(0, 0, 30))
    assert np.allclose(whole @ whole.T, np.eye(3))


def test_points_are_turned_bent_scaled_and_moved_within_the_picture() -> None:
    motion = some_motion(0)
    expected = 1.3 * (motion.canonical @ motion.rotation + motion.expression) + motion.translation * [1, 1, 0]
    assert np.allclose(points(motion), expected)


def test_stitching_moves_each_point_and_all_of_them() -> None:
    delta = np.zeros(65)
    delta[3:6], delta[-2:] = [0.1, 0.2, 0.3], [1, 2]
    moved = stitched(np.zeros((21, 3)), delta[None])
    assert np.allclose(moved[0], [1, 2, 0])
    assert np.allclose(moved[1], [1.1, 2.2, 0.3])
