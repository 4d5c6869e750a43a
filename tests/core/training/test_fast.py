"""Training the fast model on real pairs made with the engine: it learns, goes on, exports, runs as it was trained."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install gioconda[train]")

from gioconda.engine import Portrait, pose_portrait, render_rows  # noqa: E402
from gioconda.engine.network_channels import COLOURS, GEOMETRY, NUMBERS  # noqa: E402
from gioconda.imaging.encoding import encode  # noqa: E402
from gioconda.neural import features  # noqa: E402
from gioconda.neural.corrector import CorrectionNets, Corrector  # noqa: E402
from gioconda.neural.network_inputs import network_inputs  # noqa: E402
from gioconda.pose import Pose, rotation_matrix  # noqa: E402
from gioconda.training import fast, train  # noqa: E402
from gioconda.training.augment import DrawSettings, jittered  # noqa: E402
from gioconda.training.dataset import Pairs  # noqa: E402
from gioconda.training.export import Frame, export, largest_difference, load_parts, parts_of_onnx  # noqa: E402
from gioconda.training.objectives import PartTraining  # noqa: E402
from gioconda.training.pairs import pose_back_to  # noqa: E402
from gioconda.training.shards import Pair, write_shard  # noqa: E402
from gioconda.training.sources import find_sources, load_splits  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

TINY = {name: fast.PartConfig((8, 12, 16, 16), embedding=8, code=8) for name in fast.PARTS}


@pytest.fixture(scope="module")
def pairs(portrait: Portrait, pose_of: Callable[..., Pose], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shards of one pair each: an open mouth and a turned head; what is wanted is redder lips and eyes."""
    folder = tmp_path_factory.mktemp("pairs")
    still = features.still(portrait)
    for side, pose in (("train", pose_of(portrait, jawOpen=0.6)), ("held_out", Pose(rotation=rotation_matrix(yaw=5)))):
        posed = pose_portrait(portrait, pose)
        made = render_rows(posed, 0, portrait.height, passes=("Combined", "Matte")).passes
        views = features.frame_views(portrait, still, posed, made["Combined"], made["Matte"][..., 0])
        y, x = np.mgrid[: portrait.height, : portrait.width] + 0.5
        apart = [np.hypot(x - px, y - py) for px, py, _ in posed.position[[468, 473, 13, 61, 291]]]
        near = (np.min(apart, axis=0) < 0.2 * portrait.interocular)[..., None]
        wanted = np.where(near, made["Combined"][..., :3] * np.float32([1.0, 0.5, 0.5]), made["Combined"][..., :3])
        targets = tuple(encode(crop.cut(wanted)) for crop in features.frame_crops(portrait, still, posed))
        points = still.head.to_crop(posed.position[:478]) / still.head.size
        pair = Pair(views, targets, features.numbers(portrait, posed), points.astype(np.float32))
        about = {"source": f"clips/{side}", "person": side, "side": side}
        write_shard(folder / side, [pair], still.head_rgba, about)
    return folder


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, config in TINY.items():
        monkeypatch.setitem(fast.SIZES, name, config)


def test_training_a_few_steps_makes_the_loss_fall_and_goes_on_where_it_stopped(
    pairs: Path, tmp_path: Path, tiny: None
) -> None:
    plain = DrawSettings(colour=0, swapped=(0, 0), mirror=0)
    config = PartTraining(
        part="eyes", draw=plain, batch=2, steps=12, every=4, warm_up=1, rate=5e-3, held_out=2, threads=1
    )
    train.train_part(pairs, tmp_path, config)
    with (tmp_path / "eyes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["4", "8", "12"]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"]) - 0.05
    assert (tmp_path / "eyes.png").exists()
    more = PartTraining(part="eyes", batch=2, steps=16, every=4, warm_up=1, held_out=2, threads=1, adversarial=0.02)
    train.train_part(pairs, tmp_path, more)
    with (tmp_path / "eyes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["4", "8", "12", "16"]
    assert all(np.isfinite(float(value)) for row in rows for value in row.values() if row["gain_db"] != "nan")


def test_onnx_answers_as_torch_does_on_real_inputs(pairs: Path, portrait: Portrait, tmp_path: Path, tiny: None) -> None:
    for part in fast.PARTS:
        config = PartTraining(part=part, batch=1, steps=2, every=2, warm_up=1, rate=5e-3, held_out=1, threads=1)
        train.train_part(pairs, tmp_path, config)
    quality, parts, about = load_parts(tmp_path)
    assert about["mouth"]["step"] == 2
    person, frame = export(quality, parts, tmp_path)
    again = parts_of_onnx(person, frame)
    for name, part in parts.items():
        assert all(torch.equal(value, again[name].state_dict()[key]) for key, value in part.state_dict().items())
    corrector = Corrector(CorrectionNets.from_files(person, frame, "cpu", threads=1), portrait)
    posed = pose_portrait(portrait, Pose(rotation=rotation_matrix(yaw=4)))
    made = render_rows(posed, 0, portrait.height, passes=("Combined", "Matte")).passes
    views = features.frame_views(portrait, corrector.still, posed, made["Combined"], made["Matte"][..., 0])
    inputs = network_inputs(views, features.numbers(portrait, posed), corrector.embedding)
    assert largest_difference(Frame(parts), {k: torch.from_numpy(v) for k, v in inputs.items()}, frame) < 1e-3


def test_mirroring_a_pair_twice_gives_it_back(pairs: Path) -> None:
    from gioconda.training.augment import mirrored

    item = Pairs(pairs, "train", "head").load(0, 0)
    again = mirrored(mirrored(item))
    assert all(np.allclose(again[name], item[name]) for name in item)


def test_the_way_back_puts_every_landmark_where_it_was(portrait: Portrait) -> None:
    wanted = portrait.landmarks + np.random.default_rng(0).normal(0, 2, portrait.landmarks.shape)
    posed = pose_portrait(portrait, pose_back_to(portrait, wanted))
    assert np.allclose(posed.position[: len(wanted)], wanted, atol=1e-3)


def test_nobody_is_on_both_sides_of_the_split(data: Path) -> None:
    sources = find_sources(data / "train")
    sides: dict[str, set[str]] = {}
    for source in sources:
        sides.setdefault(source.person, set()).add(source.side)
    assert all(len(found) == 1 for found in sides.values())
    assert {name for names in load_splits()["clips"]["people"].values() for name in names} <= {
        source.path.stem for source in sources
    }
    assert {source.side for source in sources} == {"train", "held_out"}
    looked_at = {path.stem.removeprefix("photo_us_").removesuffix("_1024") for path in (data / "portraits").glob("*")}
    assert not looked_at & {source.path.stem for source in sources}


@pytest.fixture
def data() -> Path:
    folder = Path(__file__).resolve().parents[4] / "shared" / "data"
    if not (folder / "train").is_dir():
        pytest.skip("../shared/data/train is absent")
    return folder


def test_a_jittered_crop_shows_the_same_thing_elsewhere() -> None:
    """A gradient over the crop stays the place it came from, and a flow turns and grows with the crop."""
    size = 32
    line = (torch.arange(size) + 0.5) / size
    y, x = torch.meshgrid(line, line, indexing="ij")
    place = torch.stack([x, y])[None].repeat(4, 1, 1, 1)
    geometry = torch.zeros(4, GEOMETRY, size, size)
    geometry[:, 0:2] = 0.5 - place  # each pixel points at the crop's middle
    batch = {"colours": place, "target": place.clone(), "geometry": geometry}
    out = jittered(batch, np.random.default_rng(3))
    inner = slice(8, -8)
    assert torch.equal(out["colours"], out["target"])
    assert float((out["colours"] - place)[..., inner, inner].abs().amax((1, 2, 3)).min()) > 0.01
    # the pixel at place p of the new crop sees q of the old one; where does q's flow point to? At the old middle.
    centre = []
    for k in range(4):
        old = out["colours"][k][:, inner, inner].reshape(2, -1).T
        new = place[k][:, inner, inner].reshape(2, -1).T
        to_new = torch.linalg.lstsq(torch.cat([old, torch.ones(len(old), 1)], 1), new).solution
        centre.append(torch.tensor([0.5, 0.5, 1.0]) @ to_new)
    pointed = place + out["geometry"][:, 0:2]
    for k in range(4):
        assert torch.allclose(pointed[k][:, inner, inner], centre[k][:, None, None].expand(2, 16, 16), atol=1e-3)


def test_mouth_and_eyes_say_nothing_beside_the_face() -> None:
    """Whatever the network has learned: off the face's own mesh its answers are nothing."""
    torch.manual_seed(0)
    part = fast.Part(TINY["mouth"]).eval()
    for layer in (part.tone, part.flow, part.paint):
        torch.nn.init.normal_(layer.weight)
    geometry = torch.randn(1, GEOMETRY, 64, 64)
    geometry[:, 4:9] = 0
    geometry[:, 4, :, :32] = 1  # skin in the left half
    colours = torch.rand(1, COLOURS, 128, 128)
    with torch.no_grad():
        answer = part(colours, geometry, torch.randn(1, NUMBERS), torch.randn(1, 8))
    for each in answer:
        middle = each.shape[-1] // 2
        assert float(each[..., :middle].abs().max()) > 0
        assert float(each[..., middle + 2 :].abs().max()) == 0


def test_a_grey_picture_gets_no_colours_and_a_sepia_one_only_its_own() -> None:
    """Whatever mouth and eyes say; a picture with colours of its own is corrected in any."""
    torch.manual_seed(0)
    bright = torch.rand(1, 1, 32, 32)
    tone, paint = torch.randn(1, 7, 8, 8), torch.randn(1, 3, 32, 32)
    grey_tone, grey_paint = fast.keep_monochrome(bright.expand(-1, 3, -1, -1), tone, paint)
    for part in (grey_tone[:, :3], grey_tone[:, 3:6], grey_paint):
        assert float((part - part.mean(1, keepdim=True)).abs().max()) < 1e-4 < float(part.abs().max())
    line = torch.tensor([1.1, 1.0, 0.7])[:, None, None]
    _, sepia = fast.keep_monochrome(0.1 + bright * line, tone, paint)
    assert float((sepia / line - (sepia / line).mean(1, keepdim=True)).abs().max()) < 1e-3
    kept = fast.keep_monochrome(torch.rand(1, 3, 32, 32), tone, paint)
    assert torch.equal(kept[0], tone) and torch.equal(kept[1], paint)


def test_a_head_that_moved_farther_than_anybody_learned_from_is_left_to_the_engine() -> None:
    torch.manual_seed(0)
    part = fast.Part(fast.PartConfig((8, 12, 16, 16), local=False, embedding=8, code=8)).eval()
    for layer in (part.tone, part.flow, part.paint):
        torch.nn.init.normal_(layer.weight)
    numbers = torch.zeros(3, NUMBERS)
    numbers[:, 3] = torch.tensor([0.0, 0.1, 0.34])
    colours, geometry = torch.rand(1, COLOURS, 64, 64), torch.randn(1, GEOMETRY, 32, 32)
    with torch.no_grad():
        answer = part(colours.expand(3, -1, -1, -1), geometry.expand(3, -1, -1, -1), numbers, torch.zeros(3, 8))
    for each in answer:
        assert float(each[:2].abs().amax((1, 2, 3)).min()) > 0 == float(each[2].abs().max())
