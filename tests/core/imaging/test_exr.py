"""EXR frames: exact, well named, and never broken."""

from __future__ import annotations

import hashlib
import platform
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from gioconda.errors import OutputError, PictureError, SettingsError
from gioconda.imaging import exr, exr_zip
from gioconda.imaging.exr import ExrWriter, is_whole, letters_of, provenance, read_exr
from gioconda.imaging.exr_read import has_every_chunk
from gioconda.job.passes import LOSSLESS
from hypothesis import given, settings
from hypothesis import strategies as st

W, H = 61, 50
PASSES = ["Combined", "Matte", "Depth", "Vector", "UV", "Face", "Plate"]
HEADER = provenance(
    software="Gioconda 0.1",
    frame=1001,
    fps=23.976,
    pixel_aspect=2.0,
    source_sha256="aa",
    motion_sha256="bb",
    settings={"gain": 1.5},
    job="cc",
)


def frame(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    passes = {name: rng.normal(0, 9, (H, W, len(letters_of(name)))).astype(np.float32) for name in PASSES}
    passes["UV"][..., 2] = 1
    return passes


def write(path: Path, passes: dict[str, np.ndarray], *, band: int = 16, stop: int = H, **options: object) -> Path:
    with ExrWriter(path, W, H, list(passes), header=HEADER, **options) as writer:
        for y in range(0, stop, band):
            writer.write_rows(y, {name: rows[y : min(y + band, H)] for name, rows in passes.items()})
    return path


# Exact --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["zip", "zip:1", "zips", "piz", "rle", "none"])
@pytest.mark.parametrize("float32", [(), ("UV",), ("all",)])
def test_pixels_come_back_as_they_were_stored(tmp_path: Path, compression: str, float32: tuple[str, ...]) -> None:
    given_passes = frame()
    back, _ = read_exr(write(tmp_path / "a.exr", given_passes, compression=compression, float32=float32))
    assert list(back) != []
    for name, pixels in given_passes.items():
        wide = "all" in float32 or name in float32
        np.testing.assert_array_equal(back[name], pixels if wide else pixels.astype(np.float16))


def test_a_rate_without_denominator_is_no_rate(tmp_path: Path) -> None:
    path = write(tmp_path / "a.exr", frame())
    data = path.read_bytes()
    rate = data.index(b"framesPerSecond\0rational\0") + len(b"framesPerSecond\0rational\0") + 8
    path.write_bytes(data[:rate] + bytes(4) + data[rate + 4 :])
    assert "framesPerSecond" not in read_exr(path)[1]


@pytest.mark.parametrize("compression", ["zip", "zips", "none", "zip:9"])
def test_our_encoder_and_the_library_store_the_same(
    tmp_path: Path, compression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, our_header = read_exr(write(tmp_path / "ours.exr", frame(), compression=compression))
    monkeypatch.setattr(exr, "COMPRESSIONS", ())
    theirs, their_header = read_exr(write(tmp_path / "theirs.exr", frame(), compression=compression))
    for name, pixels in theirs.items():
        np.testing.assert_array_equal(ours[name], pixels)
    assert our_header == their_header


def test_flat_and_noisy_rows_are_both_stored_well(tmp_path: Path) -> None:
    """Chunks that deflate does not shrink are stored as they are."""
    bits = np.random.default_rng(0).integers(0, 2**32, (H, W), np.uint32)
    noise = np.where((bits >> 23) & 255 == 255, 0, bits).astype(np.uint32).view(np.float32)
    noise[:20] = 1
    path = tmp_path / "a.exr"
    with ExrWriter(path, W, H, ["Matte", "A name that is longer than thirty-one letters"], float32=("all",)) as writer:
        writer.write_rows(0, {"Matte": noise, "A name that is longer than thirty-one letters": noise})
    assert is_whole(path)
    back, _ = read_exr(path)
    np.testing.assert_array_equal(back["Matte"][..., 0].view(np.uint32), noise.view(np.uint32))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False), min_size=4, max_size=4))
def test_any_float_survives_at_32_bits(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    path = tmp_path_factory.getbasetemp() / "any.exr"
    pixel = np.array(values, np.float32).reshape(1, 1, 4)
    with ExrWriter(path, 1, 1, ["Combined"], float32=("all",)) as writer:
        writer.write_rows(0, {"Combined": pixel})
    np.testing.assert_array_equal(read_exr(path)[0]["Combined"], pixel)


@pytest.mark.parametrize("float32", [(), ("UV",)])
def test_half_stays_finite(tmp_path: Path, float32: tuple[str, ...]) -> None:
    passes = frame()
    passes["Combined"][0, 0] = (1e6, -1e6, np.inf, 65519)
    passes["UV"][0, 0] = (70000, 0.1, 1)
    back, _ = read_exr(write(tmp_path / "a.exr", passes, float32=float32))
    np.testing.assert_array_equal(back["Combined"][0, 0], (65504, -65504, 65504, 65504))
    assert back["UV"][0, 0, 0] == (70000 if float32 else 65504)


def test_half_is_rounded_as_numpy_rounds_it() -> None:
    """All kinds of finite numbers: halves themselves, ties between two, subnormal ones, what is too large, −0."""
    bits = np.arange(0, 2**32, 99_991, dtype=np.uint64).astype(np.uint32)
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    between, missing = (halves[1:] + halves[:-1]) / 2, np.float32([np.nan])
    values = np.concatenate([bits.view(np.float32), halves, -halves, between, missing])
    values = values[: values.size // 32 * 32].astype(np.float32).reshape(16, -1, 2)
    channels = [exr_zip.Channel("A", "Combined", 1, False), exr_zip.Channel("B", "Combined", 0, False)]
    encoder = exr_zip.ZipEncoder(values.shape[1], channels, "none")
    packed = np.frombuffer(encoder.encode({"Combined": values}), np.uint16).reshape(16, 2, -1)
    expected = np.clip(values, -exr_zip.HALF_MAX, exr_zip.HALF_MAX).astype(np.float16).transpose(0, 2, 1)[:, ::-1]
    missing = np.isnan(expected)
    assert np.isnan(packed.view(np.float16)[missing]).all()
    np.testing.assert_array_equal(packed[~missing], np.ascontiguousarray(expected).view(np.uint16)[~missing])


def test_zlib_packs_the_same_pixels_where_isal_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = write(tmp_path / "a.exr", frame())
    monkeypatch.setattr(exr_zip, "HAS_ISAL", False)
    slow = write(tmp_path / "b.exr", frame())
    assert is_whole(slow)
    for name, pixels in read_exr(fast)[0].items():
        np.testing.assert_array_equal(read_exr(slow)[0][name], pixels)
    assert abs(fast.stat().st_size / slow.stat().st_size - 1) < 0.05


def test_slow_levels_are_for_small_files(tmp_path: Path) -> None:
    """From zip:4 on zlib packs: smaller than ISA-L can."""
    ramp = np.linspace(0, 7, H * W * 4, dtype=np.float32).reshape(H, W, 4)
    size = {}
    for level in (2, 9):
        path = tmp_path / f"{level}.exr"
        with ExrWriter(path, W, H, ["Combined"], compression=f"zip:{level}") as writer:
            writer.write_rows(0, {"Combined": np.tile(ramp[:1], (H, 1, 1))})
        size[level] = path.stat().st_size
    assert size[9] < size[2]


@pytest.mark.skipif(not exr_zip.HAS_ISAL, reason="isal is not installed")
def test_what_isal_packs_depends_on_no_processor() -> None:
    """The hashes are of x86-64 with SSE 4.2, AVX, AVX2 and AVX-512, and of ARM (Cortex-A53 to Neoverse): what each of
    them makes, run by QEMU. Level 3 gave three different ones on x86-64 alone."""
    rows = np.arange(400_000)
    data = ((rows * rows // 977) % 251 + (rows % 37) // 9).astype(np.uint8)
    packed = bytes(exr_zip._zipped(data, 2))
    assert zlib.decompress(packed)
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    assert hashlib.sha256(packed).hexdigest()[:16] == ("56a344c6a3b67a61" if x86 else "8dbb9991cb7366d1")


@pytest.mark.parametrize("band", [16, 32, 48, 64])
def test_the_height_of_the_bands_does_not_show(tmp_path: Path, band: int) -> None:
    write(tmp_path / "a.exr", frame())
    write(tmp_path / "b.exr", frame(), band=band)
    assert (tmp_path / "a.exr").read_bytes() == (tmp_path / "b.exr").read_bytes()


@pytest.mark.parametrize("compression", ["zip", "zips", "none", "piz"])
def test_pieces_made_on_other_threads_give_the_same_bytes(tmp_path: Path, compression: str) -> None:
    passes = frame()
    passes["Combined"][20, 5] = (1e6, -1e6, np.nan, np.inf)
    write(tmp_path / "a.exr", passes, compression=compression)
    with (
        ThreadPoolExecutor(4) as pool,
        ExrWriter(tmp_path / "b.exr", W, H, PASSES, header=HEADER, compression=compression) as writer,
    ):
        for y, rows in ((0, 32), (32, H - 32)):
            pieces = writer.pieces({name: pixels[y : y + rows] for name, pixels in passes.items()})
            made = [pool.submit(piece) for piece in reversed(pieces)]
            writer.write_pieces(y, rows, *[one.result() for one in reversed(made)])
    assert (tmp_path / "a.exr").read_bytes() == (tmp_path / "b.exr").read_bytes()


def test_pieces_of_rows_that_are_no_whole_chunks_are_refused(tmp_path: Path) -> None:
    passes = {name: pixels[:10] for name, pixels in frame().items()}
    with pytest.raises(ValueError, match="whole chunks"), ExrWriter(tmp_path / "a.exr", W, H, PASSES) as writer:
        writer.write_pieces(0, 10, *[piece() for piece in writer.pieces(passes)])
    assert not list(tmp_path.iterdir())


def test_the_same_frame_is_the_same_bytes_at_another_time(tmp_path: Path) -> None:
    first = write(tmp_path / "a.exr", frame()).read_bytes()
    time.sleep(1.1)
    assert write(tmp_path / "a.exr", frame()).read_bytes() == first


# Names and header ---------------------------------------------------------------------------------------------------


def test_channels_are_named_as_blender_and_nuke_read_them(tmp_path: Path) -> None:
    spec = oiio.ImageInput.open(str(write(tmp_path / "a.exr", frame()))).spec()
    types = dict(zip(spec.channelnames, (str(one) for one in spec.channelformats), strict=True))
    assert set(types) == {
        *("VL.Combined." + c for c in "RGBA"),
        *("VL.Plate." + c for c in "RGBA"),
        *("VL.Vector." + c for c in "XYZW"),
        *("VL.UV." + c for c in "UVA"),
        *("VL.Depth.Z", "VL.Matte.A", "VL.Face.A"),
    }
    assert {name for name, kind in types.items() if kind == "float"} == {"VL.UV.U", "VL.UV.V"}
    assert oiio.ImageBuf(str(tmp_path / "a.exr")).nsubimages == 1


def test_the_header_says_where_the_frame_comes_from(tmp_path: Path) -> None:
    _, header = read_exr(write(tmp_path / "a.exr", frame()))
    assert header["framesPerSecond"] == Fraction(24000, 1001)
    assert header["PixelAspectRatio"] == 2
    assert header["imageCounter"] == 1001
    assert header["gioconda:source"] == "aa"
    assert header["gioconda:motion"] == "bb"
    assert header["gioconda:settings"] == '{"gain":1.5}'
    assert header["Iptc4xmpExt:DigitalSourceType"].endswith("/compositeSynthetic")
    assert header["comments"].startswith("Synthetic media")
    assert header["chromaticities"][:2] == pytest.approx((0.64, 0.33))
    raw = (tmp_path / "a.exr").read_bytes()
    assert b"framesPerSecond\0rational" in raw
    assert b"capDate" not in raw


# Wrong wishes -------------------------------------------------------------------------------------------------------


def test_a_lossy_compression_may_not_touch_data(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"dwaa loses precision, which spoils the passes Vector, UV; choose zip"):
        ExrWriter(tmp_path / "a.exr", W, H, ["Combined", "Vector", "UV"], compression="dwaa")
    write(tmp_path / "a.exr", {"Combined": frame()["Combined"]}, compression="dwaa:45")
    assert is_whole(tmp_path / "a.exr")


def test_an_unknown_compression_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no EXR compression 'jpeg' here; choose one of none, rle, zip"):
        ExrWriter(tmp_path / "a.exr", W, H, ["Combined"], compression="jpeg")


def test_rows_must_follow_each_other(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="do not follow"), ExrWriter(tmp_path / "a.exr", W, H, ["Matte"]) as writer:
        writer.write_rows(16, {"Matte": np.zeros((16, W), np.float32)})
    assert not list(tmp_path.iterdir())


# Never broken -------------------------------------------------------------------------------------------------------


def test_an_exception_in_mid_frame_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), ExrWriter(tmp_path / "a.exr", W, H, PASSES) as writer:
        writer.write_rows(0, {name: rows[:16] for name, rows in frame().items()})
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_a_frame_with_missing_rows_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="only 32 of 50 rows"):
        write(tmp_path / "a.exr", frame(), stop=32)
    assert not list(tmp_path.iterdir())


def test_killed_in_mid_frame_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.exr", frame()).read_bytes()
    (tmp_path / "a.exr").unlink()
    script = (
        "import sys, time; sys.path[:0] = [sys.argv[1], sys.argv[2]]\n"
        "import test_exr as t; from pathlib import Path\n"
        "with t.ExrWriter(Path(sys.argv[3]), t.W, t.H, t.PASSES, header=t.HEADER) as writer:\n"
        "    writer.write_rows(0, {name: rows[:16] for name, rows in t.frame().items()})\n"
        "    print('half', flush=True); time.sleep(60)"
    )
    here = Path(__file__).parent
    arguments = [sys.executable, "-c", script, str(here.parents[2] / "core"), str(here), str(tmp_path / "a.exr")]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait(timeout=20)
    assert not (tmp_path / "a.exr").exists()
    assert not is_whole(tmp_path / "a.exr", HEADER)
    write(tmp_path / "a.exr", frame())
    assert (tmp_path / "a.exr").read_bytes() == whole
    assert [path.name for path in tmp_path.iterdir()] == ["a.exr"]


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"Cannot write .*a\.exr: (Not a directory|File exists)"):
        write(tmp_path / "file" / "a.exr", frame())


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small disk needs root on Linux")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("compression", ["zip", "none", "piz"])
@pytest.mark.parametrize("used", [0, 60, 110, 120, 124])
def test_a_full_disk_says_so_and_leaves_nothing(tiny_disk: Path, compression: str, used: int) -> None:
    (tiny_disk / "others").write_bytes(b"x" * used * 1024)
    with pytest.raises(OutputError, match="the disk is full; free some space"):
        write(tiny_disk / "a.exr", frame(), compression=compression, float32=("all",))
    assert [path.name for path in tiny_disk.iterdir()] == ["others"]


@pytest.mark.parametrize("compression", ["zip", "rle"])
def test_the_last_bytes_matter(tiny_disk: Path, tmp_path: Path, compression: str) -> None:
    """A disk that is full by any number of bytes is noticed, also where the library's last flush fails silently."""
    small = {"Combined": frame()["Combined"]}
    blocks = -(-write(tmp_path / "a.exr", small, compression=compression).stat().st_size // 4096)
    for missing in (1, 2, blocks):
        (tiny_disk / "others").write_bytes(b"x" * 4096 * (32 - blocks + missing))
        with pytest.raises(OutputError, match="the disk is full"):
            write(tiny_disk / "a.exr", small, compression=compression)
        assert [path.name for path in tiny_disk.iterdir()] == ["others"]
    (tiny_disk / "others").unlink()
    read_exr(write(tiny_disk / "a.exr", small, compression=compression))


# Resume -------------------------------------------------------------------------------------------------------------


def test_is_whole_wants_every_row_and_the_same_job(tmp_path: Path) -> None:
    path = write(tmp_path / "a.exr", frame())
    assert is_whole(path)
    assert is_whole(path, HEADER)
    assert is_whole(path, {"gioconda:job": "cc"})
    assert not is_whole(path, {"gioconda:job": "another"})
    assert not is_whole(tmp_path / "gone.exr")
    data = path.read_bytes()
    for kept in (0, 3, 500, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:kept])
        assert not has_every_chunk(path)
        assert not is_whole(path, HEADER)
    for spoiled in (len(data) // 3, len(data) // 2, len(data) - 9):
        path.write_bytes(data[:spoiled] + bytes([data[spoiled] ^ 255]) + data[spoiled + 1 :])
        with pytest.raises(PictureError, match="damaged or incomplete"):
            read_exr(path)


def test_reading_a_broken_or_missing_file_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    with pytest.raises(PictureError, match="There is no file"):
        read_exr(path)
    path.write_bytes(b"not an exr")
    with pytest.raises(PictureError, match="not an EXR file"):
        read_exr(path)
    data = write(path, frame()).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(PictureError, match="damaged or incomplete"):
        read_exr(path)


# Speed --------------------------------------------------------------------------------------------------------------


def test_other_threads_run_while_a_frame_is_compressed(tmp_path: Path) -> None:
    """Rendering overlaps with writing: the interpreter's lock is free during compression."""
    noise = np.random.default_rng(0).random((512, 512, 4)).astype(np.float32)
    done = threading.Event()
    ticks = [0]

    def tick() -> None:
        while not done.is_set():
            ticks[0] += 1
            time.sleep(0)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        before = time.process_time()
        with ExrWriter(tmp_path / "a.exr", 512, 512, ["Combined"], compression="zip:9") as writer:
            writer.write_rows(0, {"Combined": noise})
        assert time.process_time() - before > 0
    finally:
        done.set()
        thread.join()
    assert ticks[0] > 100


def test_memory_does_not_grow_with_the_frames(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    for _ in range(3):
        write(tmp_path / "a.exr", frame())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(60):
        write(tmp_path / "a.exr", frame())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000
    assert len(list(tmp_path.iterdir())) == 1
    assert exr.DEFAULT_COMPRESSION in LOSSLESS
