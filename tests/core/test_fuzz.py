"""Every reader of files from strangers against broken ones: no crash, no hang, and an error a person can use.

A file is a good one with a few bytes changed, cut, repeated or replaced by words that break parsers. `make fuzz` gives
each reader a million such bytes; the tests a few thousand, always the same ones.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
from gioconda.batch.settings import read_batch, read_job
from gioconda.errors import GiocondaError
from gioconda.face.hand_placed import parse_points
from gioconda.farm.path_map import load_rules
from gioconda.imaging import exr
from gioconda.imaging.exr_read import is_whole, read_exr
from gioconda.imaging.image import read_picture
from gioconda.imaging.video import VideoWriter, read_frames
from gioconda.job.frame_range import FramePattern, FrameRange
from gioconda.job.job import Job
from gioconda.landmarks import NAMED
from gioconda.motion import files
from gioconda.motion.files import load_motion, save_motion
from gioconda.motion.motion import Motion
from gioconda.motion.readers.text import read_text
from gioconda.neural.person import About, Person, load_person, save_person
from gioconda.provenance.manifest import read_manifest
from gioconda.provenance.policy import read_policy
from gioconda.render import cache as prepared
from gioconda.worker.messages import from_line
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .motion.test_bvh import HEAD

pytestmark = pytest.mark.slow

SLOWEST_S = 2.0
WORDS = (
    b"nan",
    b"-inf",
    b"1e999",
    b"9" * 400,
    b"-1",
    b"0",
    b"",
    b"\x00",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"{",
    b"}",
    b"]",
    b"[" * 300,
    b'"',
    b",",
    b";",
    b"\t",
    b"\n",
    b"\r",
    b"null",
    b"true",
    b"*a",
    b"&a",
    b"!!python/object:os.system",
    b"<<: *a",
    b"../../etc/passwd",
    b"/",
    b"%s%n",
    b"\\ud800",
    "\u0301".encode(),
    b"0x7fffffff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff",
    b"1-999999999",
    b"999999999",
    b"IDAT",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"numpy",
    b"(999999999,)",
)


@dataclass(frozen=True)
class Reader:
    """What reads a kind of file, and good files of that kind."""

    suffix: str
    read: Callable[[Path], Any]
    seeds: Callable[[Path], list[bytes]]
    heavy: bool = False  # its files are long: fewer of them make the bytes up


# --- good files -------------------------------------------------------------------------------------------------------


def texts(*contents: str) -> Callable[[Path], list[bytes]]:
    return lambda _: [content.encode() for content in contents]


def csvs(_: Path) -> list[bytes]:
    live = "Timecode,BlendshapeCount,JawOpen,EyeBlinkLeft,HeadYaw,HeadPitch,HeadRoll\n"
    live += "".join(f"00:00:01:{f:02d}.5,61,0.{f},0.1,0.1,0,0\n" for f in range(3))
    columns = ["frame", "face_id", "timestamp", "confidence", "success"]
    columns += [f"{axis}_{i}" for axis in "xy" for i in range(68)]
    face = "".join(",".join(str(v) for v in [f, 0, f / 30, 0.9, 1, *range(136)]) + "\n" for f in (1, 2))
    named = ",".join(f"{name}_{axis}" for name in list(NAMED)[:8] for axis in "xy")
    points = ",".join(str(100 + 7 * i % 50) for i in range(16))
    units = "frame, face_id, timestamp, success, gaze_angle_x, gaze_angle_y, pose_Rx, pose_Ry, pose_Rz, AU12_r"
    units += ", AU28_c\n"
    units += "".join(f"{f}, {f % 2}, {f / 30:.3f}, 1, 0.1, 0, 0.1, 0, 0, 2.5, 1\n" for f in (1, 1, 2, 3))
    return [
        live.encode(),
        live.replace(",", ";").replace("0.", "0,").encode("utf-16"),
        ("sep=,\n" + live.replace(":0", ";0") + live).encode(),
        units.encode(),
        b",timeCode,blendShapes.JawOpen\n0,0.0,0.1\n1,0.0333,0.2\n2,0.1,0.3\n",
        b"info,2,Generic\nbs,jawOpen,eyeBlink_L\n" + b"".join(b"k,%d,0,0,0,1,2,3,0,0,0,0,1,0\n" % t for t in (0, 33)),
        b"jawOpen-12|eyeBlink_L-50|=head#-10.0,-20.0,5.0,0,0,0|rightEye#6,2,0|leftEye#6,2,0|\n" * 3,
        (", ".join(columns) + "\n" + face).encode(),
        f"frame,{named}\n1,{points}\n2,{points}\n".encode(),
    ]


def jsons(folder: Path) -> list[bytes]:
    own = folder / "own.json"
    save_motion(small_motion(), own)
    points = {name: [[10 + i, 20 + i], [11, 21]] for i, name in enumerate(list(NAMED)[:8])}
    return [
        own.read_bytes(),
        b'{"exportFps": 30, "facsNames": ["jawOpen", "eyeBlinkLeft"], "weightMat": [[0, 0.5], [1, 0]], "numFrames": 2}',
        json.dumps({"fps": 24, "size": [640, 480], "points": points}).encode(),
        b'{"fps": 25, "frames": [{"frame": 1, "blendshapes": {"jawOpen": 0.1}}, {"frame": 2, "blendshapes": {}}]}',
        b'{"jawOpen": [0, 0.5, 1], "fps": 30}',
        b'{"0": {"A": {"Facial": {"Names": ["JawOpen", "HeadYaw", "HeadPitch", "HeadRoll"], "Weights": [1,1,0,0]}}}}',
        b'{"fps": 25, "frames": [{"frame": 1, "blendshapes": {"jawOpen": 1}, "head": {"HeadYaw": 0.1}}]}',
    ]


def small_motion() -> Motion:
    frames = np.arange(3, dtype=np.int32)
    channels = np.linspace(0, 1, 6, dtype=np.float32).reshape(3, 2)
    return Motion(24.0, frames, channels=channels, channel_names=("jawOpen", "mouthPucker"), neutral=0)


def npzs(folder: Path) -> list[bytes]:
    save_motion(small_motion(), folder / "a.npz")
    head = np.array(json.dumps(files._plain_head(small_motion())))
    np.savez(folder / "b.npz", frames=np.arange(3), channels=np.zeros((3, 2), np.float32), head=head)
    return [(folder / name).read_bytes() for name in ("a.npz", "b.npz")]


def identities(folder: Path) -> list[bytes]:
    changes = {"parts.mouth.paint.bias": np.linspace(-1, 1, 16).astype(np.float16)}
    person = Person(np.zeros((1, 6), np.float32), changes)
    save_person(folder / "new.npz", person, About("abc", ("p",)))
    return [(folder / "new.npz").read_bytes()]


def pictures(*names: str) -> Callable[[Path], list[bytes]]:
    """A few pixels in formats of every kind: deep or flat, with and without alpha, tiled, compressed."""

    def made(folder: Path) -> list[bytes]:
        found = []
        for name in names:
            for channels, kind in ((3, "uint8"), (4, "uint16"), (1, "float")):
                spec = oiio.ImageSpec(12, 9, channels, "uint8" if name in ("jpg", "webp", "bmp", "gif") else kind)
                out = oiio.ImageOutput.create(name)
                path = folder / f"{channels}.{name}"
                pixels = np.linspace(0, 1, 12 * 9 * channels, dtype=np.float32).reshape(9, 12, channels)
                if out.open(str(path), spec) and out.write_image(pixels) and out.close():
                    found.append(path.read_bytes())
        return found

    return made


def frames(folder: Path) -> list[bytes]:
    header = exr.provenance(software="Gioconda", frame=1, fps=24)
    for compression in ("zip", "none", "piz"):
        with exr.ExrWriter(
            folder / f"{compression}.exr", 20, 18, ["Combined", "UV"], header=header, compression=compression
        ) as file:
            file.write_rows(0, {"Combined": np.ones((18, 20, 4), np.float32), "UV": np.ones((18, 20, 3), np.float32)})
    return [path.read_bytes() for path in sorted(folder.glob("*.exr"))]


def clips(folder: Path) -> list[bytes]:
    with VideoWriter(folder / "a.mp4", 32, 32, 24) as video:
        for i in range(3):
            video.write(np.full((32, 32, 3), 40 * i, np.uint8))
    return [(folder / "a.mp4").read_bytes()]


JOB = Job(portrait="a.png", motion="take", output="out/####.exr", frames="1-100x2", retarget={"lips": 1.2}).to_json()
BATCH = """portraits: [faces/*.jpg, {file: hero.png, name: hero}]
motions:
  - takes/*.csv   # all of them
output: out/{portrait}/{motion}/####.exr
exclude: [{portrait: group_*}]
settings: {frames: 1-10, passes: [Combined, UV], retarget: {lips: 1.2}}
overrides:
  - {portrait: hero, settings: {draft: true}}
delivery: {formats: [exr, mp4], size: 256}
processes: 2
"""
POLICY = """gioconda_policy: 1
consent: {right: licensed, who: Example Studio, text: "2024"}
portraits: [/projects]
allow_outside: [/projects, shared]
"""
MANIFEST = json.dumps(
    {
        "manifest": {
            "gioconda_manifest": 1,
            "pattern": "####.exr",
            "frames": {"1": {"file": "0001.exr", "sha256": "0"}},
        },
        "signature": {"algorithm": "Ed25519", "public_key": "AAAA", "value": "AAAA"},
    }
)
MAPPING = """{"version": "pathmapping-1.0", "path_mapping_rules": [
 {"source_path_format": "WINDOWS", "source_path": "Z:\\\\show", "destination_path": "/mnt/show"}]}"""
POINTS = """{"size": [100, 100], "points": {"eye_outer_right": [30, 40], "eye_outer_left": [70, 40],
 "nose_tip": [50, 60], "mouth_right": [40, 72], "mouth_left": [60, 72], "chin": [50, 90]}}"""


def job_of(path: Path) -> None:
    job = Job.from_json(path.read_bytes().decode("utf-8", "replace"), source=path.name)
    FramePattern.parse(job.output).path(7)
    assert len(FrameRange.parse(job.frames).spans) < 1000


def line_of(path: Path) -> None:
    from_line(path.read_bytes().decode("utf-8", "replace"))


def whole(path: Path) -> None:
    is_whole(path, {"imageCounter": 1})
    read_exr(path)


def kept(path: Path) -> None:
    folder = path.parent
    path.replace(prepared._path(folder, "key"))
    assert prepared.load(folder, "key", np.zeros((9, 12, 4), np.float32)) is None


def seen(path: Path) -> None:
    for _ in read_frames(path):
        pass


READERS = {
    "CSV": Reader(".csv", load_motion, csvs),
    "JSON": Reader(".json", load_motion, jsons),
    "BVH": Reader(".bvh", load_motion, texts(HEAD)),
    "npz": Reader(".npz", load_motion, npzs),
    "job": Reader(".json", job_of, texts(JOB)),
    "job file": Reader(".yaml", read_job, texts("portrait: a.png\nmotion: take\noutput: out/####.exr\nframes: 1-9\n")),
    "batch": Reader(".yaml", read_batch, texts(BATCH)),
    "policy": Reader(".yaml", read_policy, texts(POLICY)),
    "manifest": Reader(".json", read_manifest, texts(MANIFEST)),
    "path map": Reader(".json", load_rules, texts(MAPPING)),
    "identity": Reader(".npz", lambda path: load_person(path, network="abc"), identities),
    "points": Reader(".json", lambda path: parse_points(read_text(path), (100, 100), path.name), texts(POINTS)),
    "message": Reader(".json", line_of, texts('{"kind": "progress", "done": 1, "total": 2, "frame": 3}')),
    "PNG": Reader(".png", read_picture, pictures("png")),
    "JPEG": Reader(".jpg", read_picture, pictures("jpg")),
    "TIFF": Reader(".tif", read_picture, pictures("tif")),
    "EXR": Reader(".exr", read_picture, pictures("exr")),
    "other pictures": Reader(".webp", read_picture, pictures("webp", "bmp", "tga", "hdr", "gif")),
    "own frames": Reader(".exr", whole, frames),
    "prepared": Reader(".npz", kept, npzs),
    "video": Reader(".mp4", seen, clips, heavy=True),
}
NAMELESS = ("message",)  # there is no file to name


# --- broken files -----------------------------------------------------------------------------------------------------


@st.composite
def broken(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A good file with one to six things done to it; now and then bytes of no sense at all."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=300))
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        kind = draw(st.sampled_from(("byte", "word", "replace", "cut", "drop", "repeat", "bit", "end")))
        length = draw(st.integers(1, 40))
        if kind == "byte" and data:
            data[at] = draw(st.integers(0, 255))
        elif kind == "bit" and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind in ("word", "replace"):
            data[at : at + (length if kind == "replace" else 0)] = draw(st.sampled_from(WORDS))
        elif kind == "drop":
            del data[at : at + length]
        elif kind == "repeat":
            data[at:at] = data[at : at + length] * draw(st.integers(1, 8))
        elif kind == "cut":
            del data[at:]
        elif kind == "end":
            data += draw(st.binary(max_size=40))
    return bytes(data)


def attempt(name: str, reader: Reader, path: Path, data: bytes) -> None:
    """Read broken bytes; anything but success or a usable sentence fails."""
    path.write_bytes(data)
    started = time.perf_counter()
    try:
        reader.read(path)
    except GiocondaError as error:
        sentence = str(error)
        sentence.encode()  # can be shown
        assert 10 < len(sentence) < 1500, sentence
        assert "Traceback" not in sentence
        assert name in NAMELESS or path.name in sentence or path.stem in sentence, sentence
    assert time.perf_counter() - started < SLOWEST_S, f"took {time.perf_counter() - started:.1f} s"


@pytest.mark.parametrize("name", READERS)
@pytest.mark.timeout(3600)
def test_broken_files_end_in_a_sentence(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    budget = request.config.getoption("--fuzz-bytes")
    reader = READERS[name]
    (tmp_path / "good").mkdir()
    seeds = reader.seeds(tmp_path / "good")
    assert seeds
    for seed in seeds:
        attempt(name, reader, tmp_path / f"file{reader.suffix}", seed)
    typical = sum(map(len, seeds)) / len(seeds)
    count = max(10, math.ceil(budget / typical)) if not reader.heavy else max(4, math.ceil(budget / typical))
    given_bytes = 0

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=budget < 100_000,
        print_blob=True,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(broken(seeds))
    def run(data: bytes) -> None:
        nonlocal given_bytes
        given_bytes += len(data)
        attempt(name, reader, tmp_path / f"file{reader.suffix}", data)

    run()
    while given_bytes < budget and budget >= 100_000:
        run()
    print(f"{name}: {given_bytes} bytes")
