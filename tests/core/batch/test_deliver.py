"""PNG, WebP, atlas and video of finished frames: sizes, alpha, the same bytes each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from gioconda.batch.deliver import Frames, deliver, files_of
from gioconda.batch.manifest import Manifest
from gioconda.batch.page import write_page
from gioconda.batch.settings import Delivery
from gioconda.errors import CancelledError, SettingsError
from gioconda.imaging.exr import ExrWriter
from gioconda.imaging.exr_read import read_exr
from gioconda.imaging.image import read_picture
from gioconda.job.frame_range import FramePattern

WIDTH, HEIGHT, COUNT = 48, 36, 5


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    """Five frames: red growing, the person in the left half."""
    pattern = FramePattern.parse(str(tmp_path_factory.mktemp("hero") / "####.exr"))
    matte = np.zeros((HEIGHT, WIDTH, 1), np.float32)
    matte[:, : WIDTH // 2] = 1
    for number in range(1, COUNT + 1):
        combined = np.full((HEIGHT, WIDTH, 4), [number / 10, 0.2, 0.3, 1], np.float32)
        with ExrWriter(pattern.path(number), WIDTH, HEIGHT, ("Combined", "Matte")) as exr:
            exr.write_rows(0, {"Combined": combined, "Matte": matte})
    return Frames(pattern, list(range(1, COUNT + 1)))


def test_every_format_is_made_and_made_the_same_again(frames: Frames) -> None:
    delivery = Delivery(("exr", "png", "webp", "atlas", "mp4", "webm"), alpha="matte")
    made = deliver(frames, delivery, fps=24)
    assert made == files_of(frames, delivery)
    assert len(made) == 2 * COUNT + 4
    before = [path.read_bytes() for path in made]
    deliver(frames, delivery, fps=24)
    assert [path.read_bytes() for path in made] == before


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_the_matte_becomes_straight_alpha(frames: Frames, kind: str) -> None:
    deliver(frames, Delivery((kind,), alpha="matte", quality=100), fps=24)
    picture = read_picture(frames.pattern.path(3).with_suffix(f".{kind}")).pixels
    assert picture[10, 5, 3] == 1
    assert picture[10, -5, 3] == 0
    np.testing.assert_allclose(picture[10, 5, :3], [0.3, 0.2, 0.3], atol=0.01)


def test_an_opaque_picture_stays_opaque(frames: Frames) -> None:
    deliver(frames, Delivery(("png",)), fps=24)
    assert not read_picture(frames.pattern.path(1).with_suffix(".png")).has_alpha


def test_an_atlas_says_where_each_frame_is(frames: Frames) -> None:
    picture, facts = deliver(frames, Delivery(("atlas",), size=24, alpha="matte", columns=2), fps=12)
    data = json.loads(facts.read_text(encoding="utf-8"))
    assert data["meta"]["size"] == {"w": 48, "h": 54}
    assert [tuple(frame["frame"].values()) for frame in data["frames"]] == [
        (0, 0, 24, 18),
        (24, 0, 24, 18),
        (0, 18, 24, 18),
        (24, 18, 24, 18),
        (0, 36, 24, 18),
    ]
    assert [frame["filename"] for frame in data["frames"]] == ["0001", "0002", "0003", "0004", "0005"]
    assert data["frames"][0]["duration"] == pytest.approx(83.333)
    sheet = read_picture(picture).pixels
    for index, frame in enumerate(data["frames"]):
        x, y = frame["frame"]["x"], frame["frame"]["y"]
        assert sheet[y + 8, x + 4, 0] == pytest.approx((index + 1) / 10, abs=0.01)
        assert sheet[y + 8, x + 20, 3] == 0
    assert sheet[45, 40, 3] == 0


def test_each_frame_is_read_once_for_all_formats(frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    from gioconda.batch import deliver as module

    read: list[str] = []

    def counted(path: Path, only: tuple[str, ...]) -> Any:
        read.append(path.name)
        return read_exr(path, only)

    monkeypatch.setattr(module, "read_exr", counted)
    deliver(frames, Delivery(("png", "webp", "atlas", "mp4", "webm"), alpha="matte"), fps=24)
    assert sorted(read) == [f"000{number}.exr" for number in range(1, COUNT + 1)]


def test_the_report_links_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "a.webm").write_bytes(b"x")
    made = {"files": [str(tmp_path / "a.webm"), str(tmp_path / "gone.mp4")], "output": "out/####.exr"}
    items = [{"name": "a", "state": "done", "exr": False, **made}, {"name": "b", "state": "done", "exr": True, **made}]
    facts = dict.fromkeys(
        ("items", "done", "failed", "waiting", "excluded", "rendered", "kept", "repaired", "frames_per_second"), 0
    )
    facts |= {"state": "done", "batch": "b.yaml", "gioconda": "0", "seconds": 1, "bytes": 1, "with_warnings": 0}
    write_page(tmp_path / "index.html", facts, items, tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count(f'href="{(tmp_path / "a.webm").as_uri()}"') == 2
    assert "gone.mp4" not in page
    assert page.count("out/####.exr") == 1  # of the one whose EXR frames stay


def test_a_webm_is_transparent_and_an_mp4_is_not(frames: Frames) -> None:
    mp4, webm = deliver(frames, Delivery(("mp4", "webm"), alpha="matte"), fps=24)
    assert (mp4.name, webm.name) == (f"{mp4.parent.name}.mp4", f"{mp4.parent.name}.webm")
    with av.open(str(webm)) as container:
        stream = container.streams.video[0]
        assert (stream.metadata["alpha_mode"], stream.average_rate) == ("1", 24)
        decoder = av.CodecContext.create("libvpx-vp9", "r")
        shown = [f for packet in container.demux(stream) for f in decoder.decode(packet)]
    assert len(shown) == COUNT
    alpha = shown[2].to_ndarray(format="rgba")[..., 3]
    assert alpha[18, 5] > 245
    assert alpha[18, -5] < 10


def test_an_atlas_no_card_can_hold_is_refused(frames: Frames) -> None:
    many = Frames(frames.pattern, [1] * 400)
    with pytest.raises(SettingsError, match="delivery.size to 40 or less"):
        deliver(many, Delivery(("atlas",), columns=400), fps=24)


def test_a_matte_that_is_not_there_is_asked_for(frames: Frames, tmp_path: Path) -> None:
    pattern = FramePattern.parse(str(tmp_path / "####.exr"))
    with ExrWriter(pattern.path(1), 8, 8, ("Combined",)) as exr:
        exr.write_rows(0, {"Combined": np.ones((8, 8, 4), np.float32)})
    with pytest.raises(SettingsError, match="needs the pass Matte"):
        deliver(Frames(pattern, [1]), Delivery(("png",), alpha="matte"), fps=24)


def test_stopped_in_the_middle_no_half_file_is_left(frames: Frames, tmp_path: Path) -> None:
    for number in frames.numbers:
        (tmp_path / f"a_{number:04d}.exr").write_bytes(frames.pattern.path(number).read_bytes())
    own = Frames(FramePattern.parse(str(tmp_path / "a_####.exr")), frames.numbers)

    def stop(number: int) -> None:
        if number == 3:
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        deliver(own, Delivery(("atlas", "mp4", "webm")), fps=24, on_frame=stop)
    assert {path.suffix for path in tmp_path.iterdir()} == {".exr"}
    deliver(own, Delivery(("mp4",)), fps=24)
    assert (tmp_path / "a.mp4").is_file()


def test_a_manifest_survives_torn_lines_and_knows_damage(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    (frames / "1").write_bytes(b"one")
    (frames / "2").write_bytes(b"two")
    path = tmp_path / "m.jsonl"
    manifest = Manifest.open(path, frames, "key")
    manifest.begin()
    manifest.add(frames / "1", 1)
    manifest.add(frames / "2", 2)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"file": "3", "sha')
    again = Manifest.open(path, frames, "key")
    assert set(again.entries) == {"1", "2"}
    assert again.broken() == []
    (frames / "2").write_bytes(b"TWO")
    assert again.broken() == [frames / "2"]
    assert Manifest.open(path, frames, "another key").entries == {}
    again.finish({"count": 2})
    assert Manifest.open(path, frames, "key").done
