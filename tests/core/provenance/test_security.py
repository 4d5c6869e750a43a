"""Files from strangers: what a job may reach, what a small file may claim, and that nobody is called."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from gioconda.cli.main import main
from gioconda.errors import ExitCode, GiocondaError, InputError, ModelError, MotionError, PictureError, SettingsError
from gioconda.imaging.exr_read import has_every_chunk
from gioconda.imaging.image import read_picture
from gioconda.imaging.video import read_frames, video_info
from gioconda.job.job import Job
from gioconda.models import load_registry, model_path
from gioconda.motion.files import load_motion
from gioconda.provenance.policy import check_reach

ROOT = Path(__file__).resolve().parents[3]
HOPPER = ROOT / "core/gioconda/cli/grace_hopper.jpg"


# --- what a job file may reach ---------------------------------------------------------------------------------------


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job that keeps to its folder."""
    return Job(portrait="a.png", motion="take.csv", output="out/####.exr", review="out/a.mp4").anchored(tmp_path)


def test_a_job_may_name_what_lies_below_its_folder(job: Job, tmp_path: Path) -> None:
    check_reach(job, tmp_path)
    check_reach(replace(job, motion="take"), tmp_path)
    check_reach(replace(job, motion="rest", ocio="ocio://default"), tmp_path)
    check_reach(replace(job, portrait="/projects/a/b.png"), tmp_path, [Path("/projects")])


@pytest.mark.parametrize(
    "changes",
    [
        {"portrait": "/etc/passwd"},
        {"output": "../####.exr"},
        {"output": "out/../../x/####.exr"},
        {"review": "/home/somebody/look.mp4"},
        {"motion": "https://example.com/take.npz"},
        {"portrait": "file:///etc/passwd"},
        {"cache": "/var/tmp"},
        {"keys": "/home/somebody/.config/gioconda"},
        {"models": "models"},
        {"output": "link/####.exr"},
    ],
)
def test_a_job_that_reaches_further_is_refused(job: Job, tmp_path: Path, changes: dict[str, str]) -> None:
    (tmp_path / "link").symlink_to("/tmp")
    with pytest.raises(SettingsError, match=next(iter(changes)) + "|nets"):
        check_reach(replace(job, **changes).anchored(tmp_path), tmp_path)


def test_the_command_line_trusts_a_job_only_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "shot.json"
    file.write_text(json.dumps({"portrait": str(HOPPER), "motion": "gone.csv", "output": "####.exr"}))
    assert main(["job", str(file)]) == ExitCode.BAD_INPUT
    assert "lies outside its folder" in capfd.readouterr().err
    assert main(["job", str(file), "--allow-outside"]) == ExitCode.BAD_INPUT
    assert "gone.csv" in capfd.readouterr().err
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        f"gioconda_policy: 1\nconsent: {{right: own_work, who: me}}\nallow_outside: [{HOPPER.parent.as_posix()}]\n"
    )
    monkeypatch.setenv("GIOCONDA_POLICY", str(policy))
    assert main(["job", str(file)]) == ExitCode.BAD_INPUT
    assert "gone.csv" in capfd.readouterr().err


def test_nets_that_are_not_the_registrys_are_never_loaded(tmp_path: Path) -> None:
    name, model = next(iter(load_registry().items()))
    (tmp_path / model.file).write_bytes(b"something else")
    with pytest.raises(ModelError, match="SHA-256"):
        model_path(name, tmp_path)


def test_words_from_a_file_cannot_steer_a_terminal(tmp_path: Path) -> None:
    with pytest.raises(GiocondaError) as caught:
        Job(portrait="a", motion="b", output="####.exr", device="\x1b]0;owned\x07\ud800" + "x" * 9000)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value).encode()) < 2000
    with pytest.raises(SettingsError, match="zero byte"):
        Job(portrait="a\0b", motion="b", output="####.exr")


# --- what a small file may claim -------------------------------------------------------------------------------------

LIMIT = """
import sys
sys.path.insert(0, sys.argv[1])
from gioconda.errors import GiocondaError
from gioconda.imaging import exr_read, image
from gioconda.motion.files import load_motion
def memory(what): return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(what))
before = memory("VmRSS")
open("/proc/self/clear_refs", "w").write("5")  # the peak counts from here
for path in sys.argv[2:]:
    try:
        (load_motion if path.endswith(("npz", "json", "csv")) else image.read_picture)(path)
        print("READ", path)
    except GiocondaError as error:
        print("REFUSED", error)
    if path.endswith("exr"): exr_read.is_whole(path)
print("KB", memory("VmHWM") - before)
"""


def png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")


def png_with_a_bomb_in_its_text(folder: Path) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(400_000_000), 9))
    return b"\x89PNG\r\n\x1a\n" + head + bomb + chunk(b"IDAT", zlib.compress(bytes(4))) + chunk(b"IEND", b"")


def exr_claiming(folder: Path, width: int, height: int) -> bytes:
    path = folder / "small.exr"
    out = oiio.ImageOutput.create(str(path))
    out.open(str(path), oiio.ImageSpec(8, 8, 4, "half"))
    out.write_image(np.zeros((8, 8, 4), np.float32))
    out.close()
    window = struct.pack("<4i", 0, 0, 7, 7)
    return path.read_bytes().replace(window, struct.pack("<4i", 0, 0, width - 1, height - 1))


def tiff_claiming(folder: Path, width: int, height: int) -> bytes:
    path = folder / "small.tif"
    out = oiio.ImageOutput.create(str(path))
    spec = oiio.ImageSpec(300, 300, 3, "uint8")
    out.open(str(path), spec)
    out.write_image(np.zeros((300, 300, 3), np.uint8))
    out.close()
    data = path.read_bytes()
    for tag, value in ((256, width), (257, height)):
        for kind in (3, 4):
            entry = struct.pack("<HHI", tag, kind, 1)
            at = data.find(entry)
            if at >= 0:
                data = data[:at] + struct.pack("<HHII", tag, 4, 1, value) + data[at + 12 :]
    return data


def npz_of(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return file.getvalue()


def npy_head(shape: str, kind: str = "<f4") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux tells it")
@pytest.mark.slow
def test_small_files_that_claim_gigabytes_are_refused_without_them(tmp_path: Path) -> None:
    files = {
        "wide.png": png_claiming(2_000_000_000, 2_000_000_000),
        "large.png": png_claiming(30_000, 30_000),
        "bomb.png": png_with_a_bomb_in_its_text(tmp_path),
        "wide.exr": exr_claiming(tmp_path, 2_000_000_000, 2_000_000_000),
        "large.exr": exr_claiming(tmp_path, 30_000, 30_000),
        "tall.exr": exr_claiming(tmp_path, 8, 2_147_000_000),
        "large.tif": tiff_claiming(tmp_path, 60_000, 60_000),
        "shape.npz": npz_of(head=npy_head("()", "<U9"), frames=npy_head("(900000000000,)", "<i4")),
        "zeros.npz": npz_of(frames=npy_head("(600000000,)", "<i4") + bytes(40_000_000)),
        "names.npz": npz_of(other=bytes(30_000_000)),
        "lists.json": b'{"frames": [' + b"[]," * 11_000_000 + b"0]}",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    command = [sys.executable, "-c", LIMIT, str(ROOT / "core"), *(str(tmp_path / name) for name in files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    said = done.stdout.splitlines()
    read = [line for line in said if line.startswith("READ")]
    assert [Path(line.split()[1]).name for line in read] in ([], ["bomb.png"])  # its picture is fine, its text left out
    print(*said, sep="\n")
    assert int(said[-1].split()[1]) < 400_000, said


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux tells it")
@pytest.mark.slow
@pytest.mark.parametrize(("name", "shape"), [("frames", "(480000000,)"), ("channels", "(1000, 480000)")])
def test_a_motion_of_two_megabytes_that_claims_gigabytes_is_refused_at_once(
    tmp_path: Path, name: str, shape: str
) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("head.npy", npy_head("()", "<U9"))
        with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
            file.write(npy_head(shape))
            for _ in range(30):
                file.write(bytes(64_000_000))
    command = [sys.executable, "-c", LIMIT, str(ROOT / "core"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    said = done.stdout.splitlines()
    assert said[0].startswith("REFUSED"), done.stderr[-2000:]
    assert "which no motion does" in said[0]
    assert int(said[-1].split()[1]) < 200_000


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "evil.npz", frames=np.array([{"a": 1}], dtype=object))
    with pytest.raises(MotionError, match="Python objects"):
        load_motion(tmp_path / "evil.npz")


# --- nobody is called ------------------------------------------------------------------------------------------------


def test_a_playlist_that_calls_itself_a_video_opens_nothing(tmp_path: Path) -> None:
    """FFmpeg would read the files and addresses it lists."""
    (tmp_path / "secret.ts").write_bytes(b"secret")
    for text in (
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
        f"#EXTM3U\n#EXTINF:1,\nfile://{tmp_path}/secret.ts\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile '{tmp_path}/secret.ts'\n",
    ):
        (tmp_path / "clip.mp4").write_text(text)
        with pytest.raises(MotionError, match="not a video that can be read"):
            video_info(tmp_path / "clip.mp4")


@pytest.mark.parametrize("name", ["http://127.0.0.1:9/a.png", "https://example.com/a.mp4", "concat:a|b"])
def test_addresses_are_no_files(name: str) -> None:
    for read, error in ((read_picture, PictureError), (lambda path: next(read_frames(path)), MotionError)):
        with pytest.raises(error):
            read(name)
    with pytest.raises(InputError):
        load_motion(name)


QUIET = """
import os, sys
def hook(event, arguments):
    if event.split(".")[0] in ("socket", "urllib", "http", "ftplib", "smtplib"):
        sys.stderr.write(f"CALLED {event} {arguments}\\n")
        os._exit(99)
sys.addaudithook(hook)
sys.path.insert(0, sys.argv.pop(1))
from gioconda.cli.main import main
code = main()
there = (f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd"))
links = [os.readlink(path) for path in there if os.path.islink(path)]
print("SOCKETS", [link for link in links if link.startswith("socket:")])
sys.exit(code)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.slow
def test_a_rendering_opens_no_socket(tmp_path: Path, models_folder: Path) -> None:
    command = [sys.executable, "-c", QUIET, str(ROOT / "core"), "animate", str(HOPPER), "take", "--frames", "1-2"]
    command += ["-o", str(tmp_path / "####.exr"), "--passes", "Combined", "--preview", "--png"]
    command += ["--review", str(tmp_path / "a.mp4"), "--consent", "public_domain:tests", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SOCKETS []" in done.stdout


def test_an_exr_that_lies_about_its_header_is_not_whole(tmp_path: Path) -> None:
    for length in (2_000_000_000, -5):
        data = struct.pack("<iI", 20000630, 2) + b"dataWindow\0box2i\0" + struct.pack("<i", length)
        (tmp_path / "a.exr").write_bytes(data)
        assert not has_every_chunk(tmp_path / "a.exr")
