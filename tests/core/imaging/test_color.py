"""Named colour spaces, and pictures for the screen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gioconda.errors import SettingsError
from gioconda.imaging import color

CONFIG = """ocio_profile_version: 2
environment: {}
search_path: ""
strictparsing: true
roles: {default: Plate, scene_linear: Plate}
file_rules: [!<Rule> {name: Default, colorspace: default}]
displays:
  Screen: [!<View> {name: Raw, colorspace: Plate}]
active_displays: []
active_views: []
colorspaces:
  - !<ColorSpace> {name: Plate, encoding: scene-linear}
  - !<ColorSpace> {name: Linear Rec.709, encoding: scene-linear}
  - !<ColorSpace>
    name: Camera
    to_scene_reference: !<MatrixTransform> {matrix: [2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0, 0, 0, 0, 1]}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.ocio"
    path.write_text(CONFIG)
    return path


def test_a_named_space_is_converted_by_the_given_config(config: Path) -> None:
    ones = np.ones((2, 3, 3), np.float32)
    np.testing.assert_allclose(color.to_linear(ones, "Camera", ocio_config=config)[0, 0], [2, 3, 4], rtol=1e-6)


def test_the_environment_names_the_config(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIO", str(config))
    np.testing.assert_allclose(color.to_linear(np.ones((1, 1, 3), np.float32), "Camera")[0, 0], [2, 3, 4], rtol=1e-6)
    # the default pair does not depend on it
    assert color.srgb_table("uint8")[128] == pytest.approx(0.2158605, abs=1e-5)


def test_the_built_in_config_knows_aces() -> None:
    white = np.ones((1, 1, 3), np.float32)
    np.testing.assert_allclose(color.to_linear(white, "ACEScg"), 1, atol=1e-3)
    green = np.array([[[0, 1, 0]]], np.float32)
    assert color.to_linear(green, "ACEScg")[0, 0, 0] < 0


def test_linear_is_left_alone() -> None:
    pixels = np.random.default_rng(0).normal(0, 50, (3, 4, 3)).astype(np.float32)
    assert color.to_linear(pixels, "linear") is pixels
    assert color.to_linear(pixels, "Linear Rec.709 (sRGB)") is pixels


def test_a_missing_or_broken_config_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no OpenColorIO config at"):
        color.to_linear(np.ones((1, 1, 3), np.float32), "Camera", ocio_config=tmp_path / "gone.ocio")
    broken = tmp_path / "broken.ocio"
    broken.write_text("this is: [not a config")
    with pytest.raises(SettingsError, match="cannot be used"):
        color.to_linear(np.ones((1, 1, 3), np.float32), "Camera", ocio_config=broken)


def test_tables_equal_the_conversion_itself() -> None:
    codes = np.random.default_rng(0).integers(0, 65536, (50, 61, 3)).astype(np.uint16)
    direct = color.to_linear(codes.astype(np.float32) * np.float32(1 / 65535), "srgb")
    np.testing.assert_allclose(color.srgb_table("uint16")[codes], direct, rtol=0, atol=2e-7)


def test_transparent_parts_show_mid_grey() -> None:
    assert (color.display_srgb(np.zeros((2, 2, 4), np.float32)) == 118).all()
    assert (color.display_srgb(np.zeros((2, 2, 3), np.float32)) == 0).all()


def test_exposure_counts_in_stops() -> None:
    grey = np.full((1, 1, 3), 0.25, np.float32)
    assert color.display_srgb(grey, exposure=1.0)[0, 0, 0] == 188
    assert color.display_srgb(grey, exposure=2.0)[0, 0, 0] == 255


def test_highlights_of_an_hdr_picture_keep_their_order() -> None:
    ramp = np.geomspace(0.01, 40, 400, dtype=np.float32)[None, :, None].repeat(3, axis=2)
    shown = color.display_srgb(ramp)[0, :, 0].astype(int)
    assert (np.diff(shown) >= 0).all()
    assert len(np.unique(shown[ramp[0, :, 0] > 1])) > 15
    dark = ramp[0, :, 0] < 0.6
    plain = color.display_srgb(np.minimum(ramp, 0.6))[0, :, 0]
    np.testing.assert_array_equal(shown[dark], plain[dark])


def test_a_very_dark_or_bright_hdr_picture_is_exposed() -> None:
    rng = np.random.default_rng(0)
    base = rng.random((40, 40, 3)).astype(np.float32) + 0.05
    assert 90 < color.display_srgb(base * 100).mean() < 200
    faint = base * 0.001
    faint[0, 0] = 3
    assert 60 < color.display_srgb(faint).mean() < 200


def test_one_display_serves_a_whole_job() -> None:
    bright = np.full((4, 4, 3), 5.0, np.float32)
    display = color.choose_display(bright)
    dim = np.full((4, 4, 3), 2.5, np.float32)
    assert color.display_srgb(dim, exposure=display).mean() < color.display_srgb(bright, exposure=display).mean()


def test_nan_is_black_on_screen() -> None:
    assert color.display_srgb(np.full((1, 1, 3), np.nan, np.float32)).max() == 0
