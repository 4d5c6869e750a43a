"""Pictures of every kind become the same scene-linear pixels, and bad ones a sentence."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from gioconda.errors import OutputError, PictureError, SettingsError
from gioconda.imaging import image
from gioconda.imaging.image import MAX_SIDE, display_srgb, read_picture, write_png
from PIL import Image

Y, X = np.mgrid[0:24, 0:32]
RGB = np.dstack([X * 8, Y * 10, (X + Y) * 4]).astype(np.uint8)
ALPHA = (X * 8).astype(np.uint8)
RGBA = np.dstack([RGB, ALPHA])


def srgb_to_linear(codes: np.ndarray) -> np.ndarray:
    value = codes / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def saved(path: Path, pixels: np.ndarray, mode: str | None = None, **options: object) -> Path:
    image = Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(path, **options)
    return path


def exr(path: Path, pixels: np.ndarray, names: str | tuple[str, ...] = "RGBA", **attributes: object) -> Path:
    height, width, channels = pixels.shape
    spec = oiio.ImageSpec(width, height, channels, "float")
    spec.channelnames = tuple(names)[:channels]
    for key, value in attributes.items():
        setattr(spec, key, value)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec)
    assert out.write_image(pixels.astype(np.float32))
    assert out.close()
    return path


# What goes in -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp", "a.webp", "a.jp2"])
def test_an_8_bit_picture_comes_back_with_its_own_values(tmp_path: Path, name: str) -> None:
    picture = read_picture(saved(tmp_path / name, RGB, **({"lossless": True} if name == "a.webp" else {})))
    np.testing.assert_array_equal(display_srgb(picture.pixels), RGB)
    np.testing.assert_allclose(picture.pixels[..., :3], srgb_to_linear(RGB), atol=3e-5)
    assert (picture.pixels[..., 3] == 1).all()
    assert not picture.has_alpha
    assert picture.pixels.dtype == np.float32
    assert (picture.width, picture.height) == (32, 24)


def test_every_8_bit_value_survives_the_round_trip(tmp_path: Path) -> None:
    codes = np.arange(256, dtype=np.uint8).reshape(16, 16)
    picture = read_picture(saved(tmp_path / "codes.png", np.dstack([codes, codes.T, codes[::-1]])))
    np.testing.assert_array_equal(display_srgb(picture.pixels), np.dstack([codes, codes.T, codes[::-1]]))


def test_the_values_are_those_of_blenders_compositor(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", RGB)
    buffer = oiio.ImageBuf(str(path)).copy(oiio.FLOAT)
    expected = oiio.ImageBufAlgo.colorconvert(buffer, "sRGB", "lin_rec709_scene", True, "", "", "ocio://default")
    np.testing.assert_array_equal(read_picture(path).pixels[..., :3], expected.get_pixels(oiio.FLOAT)[..., :3])


def test_a_jpeg_is_read_as_others_read_it(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", RGB, quality=95)
    np.testing.assert_array_equal(display_srgb(read_picture(path).pixels), np.asarray(Image.open(path)))


def test_sixteen_bits_are_kept(tmp_path: Path) -> None:
    deep = (np.dstack([X, Y, X + Y]) * 257 + 13).astype(np.uint16)
    buffer = oiio.ImageBuf(deep)
    buffer.write(str(tmp_path / "deep.png"))
    picture = read_picture(tmp_path / "deep.png")
    np.testing.assert_allclose(picture.pixels[..., :3], srgb_to_linear(deep / 257), atol=3e-5)


@pytest.mark.parametrize(("name", "mode"), [("l.png", "L"), ("l.jpg", "L"), ("p.png", "P"), ("one.tif", "1")])
def test_grey_palette_and_line_art_become_rgb(tmp_path: Path, name: str, mode: str) -> None:
    path = saved(tmp_path / name, RGB, mode)
    np.testing.assert_array_equal(display_srgb(read_picture(path).pixels), np.asarray(Image.open(path).convert("RGB")))


@pytest.mark.parametrize("name", ["cmyk.jpg", "cmyk.tif"])
def test_cmyk_becomes_rgb(tmp_path: Path, name: str) -> None:
    shown = display_srgb(read_picture(saved(tmp_path / name, RGB, "CMYK")).pixels).astype(int)
    assert np.abs(shown - RGB).mean() < 5


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp", "a.tga"])
def test_straight_alpha_is_multiplied_in_linear_light(tmp_path: Path, name: str) -> None:
    options = {"lossless": True, "exact": True} if name == "a.webp" else {}
    picture = read_picture(saved(tmp_path / name, RGBA, **options))
    assert picture.has_alpha
    np.testing.assert_allclose(picture.pixels[..., 3], ALPHA / 255, atol=1e-6)
    expected = srgb_to_linear(RGB) * (ALPHA / 255)[..., None]
    np.testing.assert_allclose(picture.pixels[..., :3], expected, atol=3e-5)


def test_an_opaque_alpha_channel_is_no_alpha(tmp_path: Path) -> None:
    assert not read_picture(saved(tmp_path / "a.png", np.dstack([RGB, np.full_like(ALPHA, 255)]))).has_alpha


def test_grey_with_alpha_is_both(tmp_path: Path) -> None:
    picture = read_picture(saved(tmp_path / "la.png", np.dstack([RGB[..., 0], ALPHA])))
    assert picture.has_alpha
    np.testing.assert_array_equal(picture.pixels[..., 0], picture.pixels[..., 2])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_a_picture_turned_by_exif_stands_upright(tmp_path: Path, orientation: int, name: str) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x112] = orientation
    path = saved(tmp_path / name, RGB, exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
    np.testing.assert_array_equal(display_srgb(read_picture(path).pixels), upright)


def test_an_exr_comes_as_it_is_unclamped(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).normal(0, 300, (24, 32, 4)).astype(np.float32)
    picture = read_picture(exr(tmp_path / "a.exr", pixels))
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.colorspace == "lin_rec709_scene"


def test_a_layered_exr_gives_its_beauty(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).random((4, 5, 8)).astype(np.float32)
    names = ("VL.Depth.Z", "VL.Emit.R", "VL.Emit.G", "VL.Emit.B", *(f"VL.Combined.{c}" for c in "RGBA"))
    picture = read_picture(exr(tmp_path / "a.exr", pixels, names))
    np.testing.assert_array_equal(picture.pixels, pixels[..., 4:])


def test_an_exr_with_overscan_or_a_crop_gives_its_display_window(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).random((10, 10, 3)).astype(np.float32)
    window = {"x": -2, "y": -1, "full_x": 0, "full_y": 0, "full_width": 6, "full_height": 7}
    picture = read_picture(exr(tmp_path / "over.exr", pixels, "RGB", **window))
    np.testing.assert_array_equal(picture.pixels[..., :3], pixels[1:8, 2:8])
    assert not picture.has_alpha
    window |= {"x": 3, "full_width": 20, "full_height": 20}
    picture = read_picture(exr(tmp_path / "crop.exr", pixels, "RGB", **window))
    assert picture.has_alpha
    np.testing.assert_array_equal(picture.pixels[:9, 3:13, :3], pixels[1:])
    assert picture.pixels[..., 3].sum() == 90


def test_pixel_aspect_and_hash_come_along(tmp_path: Path) -> None:
    path = tmp_path / "wide.exr"
    spec = oiio.ImageSpec(4, 4, 3, "half")
    spec.attribute("PixelAspectRatio", 2.0)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec)
    assert out.write_image(np.zeros((4, 4, 3), np.float32))
    out.close()
    picture = read_picture(path)
    assert picture.pixel_aspect == 2
    assert picture.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_nan_and_infinity_are_replaced_with_a_note(tmp_path: Path) -> None:
    pixels = np.full((4, 4, 3), 2.5, np.float32)
    pixels[0, 0, 0], pixels[1, 1, 1], pixels[2, 2, 2] = np.nan, np.inf, -np.inf
    picture = read_picture(exr(tmp_path / "bad.exr", pixels))
    assert np.isfinite(picture.pixels).all()
    assert (picture.pixels[0, 0, 0], picture.pixels[1, 1, 1], picture.pixels[2, 2, 2]) == (0, 2.5, -2.5)
    assert "3 pixels" in picture.notes[0]


def test_one_pixel_is_a_picture(tmp_path: Path) -> None:
    assert read_picture(saved(tmp_path / "one.png", RGB[:1, :1])).pixels.shape == (1, 1, 4)


def test_a_strip_30000_pixels_wide_is_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "strip.png", np.tile(RGB, (1, 938, 1))[:20, :30000])
    assert read_picture(path).pixels.shape == (20, 30000, 4)


def test_a_display_p3_picture_is_converted_from_it(tmp_path: Path) -> None:
    from PIL import ImageCms

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    picture = read_picture(saved(tmp_path / "srgb.png", RGB, icc_profile=bytes(profile)))
    assert picture.notes == ()
    np.testing.assert_array_equal(display_srgb(picture.pixels), RGB)
    named = read_picture(saved(tmp_path / "a.png", RGB), colorspace="srgb_p3d65_scene")
    assert named.pixels[..., 0].max() > picture.pixels[..., 0].max()


# What is refused ----------------------------------------------------------------------------------------------------


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"There is no file .*gone\.png; check the path\."):
        read_picture(tmp_path / "gone.png")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="is a folder"):
        read_picture(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello, I am a text\n" * 40, b"\0" * 300])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.exr", "a.tga", "a"])
def test_not_an_image(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(PictureError, match="is not a picture|is empty"):
        read_picture(path)


@pytest.mark.parametrize("kept", [0.9, 0.6, 0.3])
@pytest.mark.parametrize("name", ["a.jpg", "prog.jpg", "a.png", "a.tif", "a.webp", "a.bmp", "a.exr", "a.gif", "a.hdr"])
def test_a_truncated_picture_is_never_half_shown(tmp_path: Path, name: str, kept: float) -> None:
    big = np.random.default_rng(2).integers(0, 255, (64, 64, 3), np.uint8)
    path = tmp_path / name
    if name in ("a.exr", "a.hdr"):
        oiio.ImageBuf(big.astype(np.float32)).write(str(path))
    else:
        saved(path, big, **({"progressive": True} if name == "prog.jpg" else {}))
    read_picture(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(PictureError, match="is damaged or incomplete"):
        read_picture(path)


def test_a_cut_jpeg_with_a_whole_thumbnail_is_still_cut(tmp_path: Path) -> None:
    thumbnail = saved(tmp_path / "t.jpg", RGB).read_bytes()
    big = np.random.default_rng(2).integers(0, 255, (64, 64, 3), np.uint8)
    whole = saved(tmp_path / "a.jpg", big).read_bytes()
    block = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    path = tmp_path / "b.jpg"
    path.write_bytes(whole[:2] + block + whole[2:])
    read_picture(path)
    path.write_bytes((whole[:2] + block + whole[2:])[:-300])
    with pytest.raises(PictureError, match="damaged"):
        read_picture(path)


def png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


def test_a_header_that_claims_gigabytes_is_refused_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_claiming(30000, 30000))
    with pytest.raises(PictureError, match="30000 × 30000 pixels|claims a 2574 MB image"):
        read_picture(path)


def test_a_picture_too_large_says_how_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as smaller:
        smaller.setattr(image, "MAX_PIXELS", 700)
        with pytest.raises(PictureError, match="32 × 24 pixels, more than the 0 million allowed; make it smaller"):
            read_picture(saved(tmp_path / "a.png", RGB))
    wide = saved(tmp_path / "wide.png", np.zeros((1, MAX_SIDE + 1), np.uint8))
    with pytest.raises(PictureError, match=f"no side may be longer than {MAX_SIDE}"):
        read_picture(wide)


def test_channels_without_colour_are_named(tmp_path: Path) -> None:
    pixels = np.zeros((2, 2, 3), np.float32)
    with pytest.raises(PictureError, match=r"no colour.*P\.X, P\.Y, P\.Z"):
        read_picture(exr(tmp_path / "p.exr", pixels, ("P.X", "P.Y", "P.Z")))


def test_an_unknown_colour_space_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no colour space called 'Kodachrome'; it has: .*ACEScg"):
        read_picture(saved(tmp_path / "a.png", RGB), colorspace="Kodachrome")


# What comes out -----------------------------------------------------------------------------------------------------


def test_png_round_trip_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    for pixels in (RGB, RGBA, RGB[..., 0]):
        write_png(tmp_path / "a.png", pixels)
        write_png(tmp_path / "b.png", pixels)
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), pixels)
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_png_into_nowhere_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Cannot write"):
        write_png(tmp_path / "file" / "a.png", RGB)
    with pytest.raises(OutputError, match="a folder of that name"):
        write_png(tmp_path, RGB)
