"""Pictures as cameras, renderers, scanners and grading programs leave them: the same colours in each of them."""

from __future__ import annotations

import io
import os
import struct
import time
from pathlib import Path

import av
import numpy as np
import OpenImageIO as oiio
import pytest
from gioconda.errors import MotionError, PictureError, SettingsError
from gioconda.imaging import encodings
from gioconda.imaging.image import Picture, judge_picture, picture_size, read_picture
from gioconda.imaging.srgb import decode, encode
from gioconda.imaging.video import read_frames
from gioconda.job.job import Job
from PIL import Image

rng = np.random.default_rng(7)
LIGHT = rng.uniform(0.02, 0.9, (12, 16, 3)).astype(np.float32)  # linear Rec.709
AP0 = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.0770, 0.32168, 0.33767)


RGB = ("R", "G", "B")


def write(path: Path, pixels: np.ndarray, kind: str = "half", names: tuple[str, ...] = RGB, **more: object) -> Path:
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], kind)
    spec.channelnames = names
    for name, value in more.items():
        if name == "chromaticities":
            spec.attribute(name, "float[8]", value)
        elif name == "window":
            spec.x, spec.y = value  # type: ignore[misc]
        else:
            spec.attribute(name.replace("__", ":"), value)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    assert out.write_image(np.ascontiguousarray(pixels, np.float32)), out.geterror()
    out.close()
    return path


def rgb(picture: Picture) -> np.ndarray:
    return picture.pixels[..., :3]


# --- primaries --------------------------------------------------------------------------------------------------------


def test_the_bradford_matrix_is_the_published_one() -> None:
    """ACES AP0 (white near D60) to linear Rec.709, as OpenColorIO's ACES config has it."""
    matrix = encodings.to_rec709(AP0)
    expected = [[2.52169, -1.13413, -0.38756], [-0.27648, 1.37272, -0.09624], [-0.01538, -0.15298, 1.16835]]
    np.testing.assert_allclose(matrix, expected, atol=2e-3)


XYZ, REC2020, P3 = (1, 0, 0, 1, 0, 0, 1 / 3, 1 / 3), encodings.PRIMARIES[9][1], encodings.PRIMARIES[12][1]


@pytest.mark.parametrize("primaries", [AP0, XYZ, REC2020, P3])
def test_an_exrs_chromaticities_are_converted_from(tmp_path: Path, primaries: tuple[float, ...]) -> None:
    matrix = encodings.to_rec709(tuple(primaries))
    assert matrix is not None
    stored = LIGHT @ np.linalg.inv(matrix).T
    picture = read_picture(write(tmp_path / "a.exr", stored, "float", chromaticities=tuple(primaries)))
    np.testing.assert_allclose(rgb(picture), LIGHT, atol=1e-4)
    assert "primaries" in picture.notes[0]


def test_rec709_and_nonsense_are_left_alone(tmp_path: Path) -> None:
    own = read_picture(write(tmp_path / "a.exr", LIGHT, "float", chromaticities=encodings.REC709))
    np.testing.assert_array_equal(rgb(own), LIGHT)
    assert own.notes == ()
    bad = read_picture(write(tmp_path / "b.exr", LIGHT, "float", chromaticities=(0.3,) * 8))
    np.testing.assert_array_equal(rgb(bad), LIGHT)
    assert "no sense" in bad.notes[0]


# --- profiles ---------------------------------------------------------------------------------------------------------


def icc(matrix: np.ndarray, curve: bytes, *, name: str = "Made", space: bytes = b"RGB ") -> bytes:
    """A small profile: columns of D50 XYZ, one curve for all."""
    tags = {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve, b"kTRC": curve}
    for i, tag in enumerate((b"rXYZ", b"gXYZ", b"bXYZ")):
        tags[tag] = b"XYZ \0\0\0\0" + struct.pack(">3i", *np.round(matrix[:, i] * 65536).astype(int))
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name.encode() + b"\0" * 79
    table, body, at = b"", b"", 132 + 12 * len(tags)
    for tag, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += tag + struct.pack(">II", at, len(content))
        body, at = body + content, at + len(content)
    head = struct.pack(">I", at) + b"\0\0\0\0\x02\x40\0\0mntr" + space + b"XYZ " + b"\0" * 12 + b"acsp" + b"\0" * 88
    return head + struct.pack(">I", len(tags)) + table + body


def d50(primaries: tuple[float, ...]) -> np.ndarray:
    """Columns of XYZ under D50 of primaries."""
    to = encodings.to_rec709(primaries)
    back = encodings.adaptation(encodings._xyz(encodings.D65), encodings._xyz(encodings.D50))
    return back @ encodings._to_xyz(encodings.REC709) @ to  # type: ignore[operator]


GAMMA18 = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(1.8 * 256))
SRGB_NUMBERS = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
SRGB_CURVE = b"para\0\0\0\0" + struct.pack(">HH5i", 3, 0, *(round(v * 65536) for v in SRGB_NUMBERS))
SAMPLES = np.round(np.linspace(0, 1, 1024) ** 2.2 * 65535).astype(">u2")
TABLE = b"curv\0\0\0\0" + struct.pack(">I", len(SAMPLES)) + SAMPLES.tobytes()
PROPHOTO = (0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001, 0.34567, 0.35850)


@pytest.mark.parametrize(
    ("curve", "stored"),
    [(GAMMA18, lambda v: v ** (1 / 1.8)), (SRGB_CURVE, encode), (TABLE, lambda v: v ** (1 / 2.2))],
    ids=["gamma", "parametric", "table"],
)
def test_a_matrix_profile_is_applied(tmp_path: Path, curve: bytes, stored: object) -> None:
    matrix = encodings.to_rec709(PROPHOTO)
    values = stored(np.clip(LIGHT @ np.linalg.inv(matrix).T, 0, 1))  # type: ignore[operator]
    path = tmp_path / "a.png"
    profile = icc(d50(PROPHOTO), curve, name="ProPhoto")
    Image.fromarray(np.round(values * 255).astype(np.uint8)).save(path, icc_profile=profile)
    picture = read_picture(path)
    assert np.abs(encode(np.clip(rgb(picture), 0, 1)) - encode(LIGHT)).max() < 0.03
    assert "ProPhoto" in picture.notes[0]


def test_an_srgb_profile_changes_no_value(tmp_path: Path) -> None:
    codes = rng.integers(0, 256, (12, 16, 3)).astype(np.uint8)
    profile = icc(d50(encodings.REC709), SRGB_CURVE, name="Camera standard")
    plain, tagged = tmp_path / "a.png", tmp_path / "b.png"
    Image.fromarray(codes).save(plain)
    Image.fromarray(codes).save(tagged, icc_profile=profile)
    np.testing.assert_array_equal(read_picture(tagged).pixels, read_picture(plain).pixels)
    assert read_picture(tagged).notes == ()


def test_a_grey_profile_and_one_with_tables(tmp_path: Path) -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(grey).save(tmp_path / "g.png", icc_profile=icc(np.eye(3), GAMMA18, space=b"GRAY"))
    np.testing.assert_allclose(rgb(read_picture(tmp_path / "g.png"))[..., 1], (grey / 255) ** (460.8 / 256), atol=2e-3)
    codes = np.full((4, 4, 3), 128, np.uint8)
    profile = icc(np.eye(3), GAMMA18, name="Printer").replace(b"rXYZ", b"A2B0")
    Image.fromarray(codes).save(tmp_path / "t.png", icc_profile=profile)
    picture = read_picture(tmp_path / "t.png")
    assert "tables" in picture.notes[0]
    np.testing.assert_allclose(rgb(picture), decode(np.float64(128 / 255)), atol=1e-4)


# --- codes and logs ---------------------------------------------------------------------------------------------------


def test_pq_and_hlg_have_diffuse_white_at_one() -> None:
    assert encodings.pq(np.float64(0.58068888)) == pytest.approx(1, rel=1e-3)  # 203 cd/m²: BT.2408
    assert encodings.pq(np.float64(1)) == pytest.approx(10_000 / 203)
    assert encodings.hlg(np.float64(0.75)) == pytest.approx(1)


def test_film_log_is_made_linear(tmp_path: Path) -> None:
    codes = 685 + np.log10(LIGHT * (1 - 10 ** (-590 * 0.002 / 0.6)) + 10 ** (-590 * 0.002 / 0.6)) * 0.6 / 0.002
    tags: dict[str, object] = {"oiio__ColorSpace": "KodakLog", "oiio__BitsPerSample": 10}
    picture = read_picture(write(tmp_path / "a.dpx", codes / 1023, "uint16", **tags))
    np.testing.assert_allclose(rgb(picture), LIGHT, rtol=0.02, atol=2e-3)
    assert "film log" in picture.notes[0]


def test_avif_is_read_and_heic_is_named(tmp_path: Path) -> None:
    codes = np.kron(rng.integers(40, 216, (4, 4, 3)), np.ones((32, 32, 1))).astype(np.uint8)
    Image.fromarray(codes).save(tmp_path / "a.avif", quality=100, subsampling="4:4:4")
    picture = read_picture(tmp_path / "a.avif")
    assert np.abs(encode(rgb(picture)) * 255 - codes).mean() < 2
    assert picture_size(tmp_path / "a.avif") == (128, 128)
    (tmp_path / "a.heic").write_bytes(struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + b"\0" * 200)
    with pytest.raises(PictureError, match="is a HEIC picture"):
        read_picture(tmp_path / "a.heic")
    (tmp_path / "b.avif").write_bytes((tmp_path / "a.avif").read_bytes()[:150])
    with pytest.raises(PictureError, match=r"b\.avif"):
        read_picture(tmp_path / "b.avif")


# --- layers and parts -------------------------------------------------------------------------------------------------


def layered(path: Path, **layers: np.ndarray) -> Path:
    names = tuple(f"{name}.{letter}" for name in layers for letter in "RGB")
    return write(path, np.concatenate([*layers.values()], 2), "float", names)


def test_the_layer_that_is_the_picture_is_taken_and_told(tmp_path: Path) -> None:
    path = layered(tmp_path / "a.exr", DiffCol=LIGHT / 4, Image=LIGHT, Normal=LIGHT / 2)
    picture = read_picture(path)
    np.testing.assert_array_equal(rgb(picture), LIGHT)
    assert "“Image”" in picture.notes[0]
    assert "DiffCol" in picture.notes[0]
    np.testing.assert_array_equal(rgb(read_picture(path, layer="normal")), LIGHT / 2)
    with pytest.raises(PictureError, match=r"no layer “Beauty”; its layers are: DiffCol, Image, Normal"):
        read_picture(path, layer="Beauty")


def test_nukes_long_names_are_known(tmp_path: Path) -> None:
    names = ("rgba.red", "rgba.green", "rgba.blue", "rgba.alpha")
    pixels = np.concatenate([LIGHT, np.full((12, 16, 1), 0.5, np.float32)], 2)
    picture = read_picture(write(tmp_path / "a.exr", pixels, "float", names))
    np.testing.assert_array_equal(picture.pixels, pixels)


def test_the_part_with_colours_is_taken(tmp_path: Path) -> None:
    specs = []
    for name, channels in (("depth", ("Z",)), ("beauty", ("R", "G", "B")), ("diffuse", ("R", "G", "B"))):
        spec = oiio.ImageSpec(16, 12, len(channels), "float")
        spec.channelnames = channels
        spec.attribute("oiio:subimagename", name)
        specs.append(spec)
    path = tmp_path / "parts.exr"
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), specs)
    for i, (spec, pixels) in enumerate(zip(specs, (LIGHT[..., :1], LIGHT, LIGHT / 3), strict=True)):
        assert i == 0 or out.open(str(path), spec, "AppendSubimage")
        assert out.write_image(np.ascontiguousarray(pixels))
    out.close()
    np.testing.assert_array_equal(rgb(read_picture(path)), LIGHT)
    np.testing.assert_array_equal(rgb(read_picture(path, layer="diffuse")), LIGHT / 3)
    assert "beauty" in read_picture(path).notes[0]


def chroma_exr(light: np.ndarray) -> bytes:
    """Luminance, and chroma of half the size: https://openexr.com/en/latest/TechnicalIntroduction.html."""
    height, width, _ = light.shape
    y = light @ np.array([0.2126, 0.7152, 0.0722])
    small = {name: ((light[..., i] - y) / y)[::2, ::2] for name, i in (("BY", 2), ("RY", 0))}

    def attribute(name: str, kind: str, value: bytes) -> bytes:
        return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value

    listed = b"".join(n + b"\0" + struct.pack("<iB3xii", 1, 0, s, s) for n, s in ((b"BY", 2), (b"RY", 2), (b"Y", 1)))
    box = struct.pack("<4i", 0, 0, width - 1, height - 1)
    head = struct.pack("<iI", 20000630, 2) + attribute("channels", "chlist", listed + b"\0")
    head += attribute("compression", "compression", b"\0") + attribute("lineOrder", "lineOrder", b"\0")
    head += attribute("dataWindow", "box2i", box) + attribute("displayWindow", "box2i", box)
    head += attribute("pixelAspectRatio", "float", struct.pack("<f", 1))
    head += attribute("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0))
    head += attribute("screenWindowWidth", "float", struct.pack("<f", 1)) + b"\0"
    lines, table, at = [], b"", len(head) + 8 * height
    for row in range(height):
        chroma = [small[name][row // 2] for name in ("BY", "RY")] if row % 2 == 0 else []
        data = b"".join(part.astype("<f2").tobytes() for part in (*chroma, y[row]))
        lines.append(struct.pack("<ii", row, len(data)) + data)
        table, at = table + struct.pack("<Q", at), at + len(lines[-1])
    return head + table + b"".join(lines)


def test_luminance_and_chroma_become_colour(tmp_path: Path) -> None:
    light = np.kron(LIGHT[:2, :2], np.ones((64, 64, 1)))
    (tmp_path / "yc.exr").write_bytes(chroma_exr(light))
    picture = read_picture(tmp_path / "yc.exr")
    inside = np.abs(rgb(picture) - light)[32::64, 32::64]
    assert inside.max() < 0.01
    assert oiio.get_int_attribute("openexr:core", 0) == 1


# --- what is empty, and names -----------------------------------------------------------------------------------------


def test_what_is_empty_is_called_empty(tmp_path: Path) -> None:
    nowhere = write(tmp_path / "nowhere.exr", LIGHT, window=(500, 0))
    spec_kept = oiio.ImageInput.open(str(nowhere)).spec()
    if (spec_kept.full_x, spec_kept.full_width) != (500, 16):
        with pytest.raises(PictureError, match="outside its display window"):
            read_picture(nowhere)
    Image.fromarray(np.zeros((8, 8, 4), np.uint8) + np.uint8([200, 100, 50, 0])).save(tmp_path / "clear.png")
    with pytest.raises(PictureError, match="alpha is 0 everywhere"):
        judge_picture(tmp_path / "clear.png")


def test_a_judged_picture_is_not_read_twice_and_a_changed_one_is(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    codes = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(codes).save(path)
    judge_picture(path)
    first = read_picture(path)
    assert read_picture(path) is not first
    judge_picture(path)
    Image.fromarray(255 - codes).save(path)
    os.utime(path, ns=(1, time.time_ns() + 10_000_000))
    assert not np.array_equal(read_picture(path).pixels, first.pixels)


@pytest.mark.skipif(os.name == "nt", reason="names are always text there")
def test_a_name_that_is_no_text_ends_in_a_sentence(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(str(tmp_path)) + b"/gr\xfc\xdfe.png")
    stream = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(stream, "png")
    Path(path).write_bytes(stream.getvalue())
    for read in (read_picture, picture_size):
        with pytest.raises(PictureError, match="is not in UTF-8: rename the file"):
            read(path)
    with pytest.raises(MotionError, match="is not in UTF-8"):
        next(read_frames(path.replace("png", "mp4")))
    with pytest.raises(SettingsError, match="is not in UTF-8"):
        Job(portrait=path, motion="take", output="####.exr")


def test_a_cameras_raw_file_is_named(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.tif")
    (tmp_path / "a.tif").rename(tmp_path / "a.dng")
    with pytest.raises(PictureError, match="camera's raw file"):
        read_picture(tmp_path / "a.dng")


def test_this_build_decodes_avif() -> None:
    assert {"libdav1d", "av1"} & av.codecs_available
