"""What networks see of a frame and how their corrections are laid on: real portraits, nets made up of numpy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from gioconda.engine import Portrait, pose_portrait, render_rows
from gioconda.engine.apply_kernels import warp_pass
from gioconda.engine.network_channels import COLOURS, GEOMETRY, NUMBERS
from gioconda.errors import ModelError
from gioconda.imaging.encoding import decode, encode
from gioconda.job.passes import ALL_PASSES
from gioconda.neural import bands, features
from gioconda.neural.bands import corrected_bands
from gioconda.neural.corrector import CorrectionNets, Corrector, corrected_frame
from gioconda.neural.crops import FAST, FULL, Crop, Sizes, head_crop
from gioconda.neural.network_inputs import MIRROR_FROM, mirrored_numbers, network_inputs
from gioconda.pose import Pose, rotation_matrix

Float32 = npt.NDArray[np.float32]
TURNED = Pose(rotation=rotation_matrix(yaw=6.0, pitch=2.0))


def answering(*, flow: float = 0.0, gain: float = 0.0, paint: float = 0.0, sizes: Sizes = FAST) -> CorrectionNets:
    """Networks that always say the same."""

    def frame(inputs: dict[str, Float32]) -> list[Float32]:
        answers = []
        for name, size, count in (("head", sizes.head, 1), ("mouth", sizes.mouth, 1), ("eyes", sizes.eye, 2)):
            assert inputs[f"{name}_colours"].shape == (count, COLOURS, size, size)
            assert inputs[f"{name}_geometry"].shape == (count, GEOMETRY, size // 2, size // 2)
            tone = np.zeros((count, 7, size // 4, size // 4), np.float32)
            tone[:, :3] = gain
            flows = np.zeros((count, 2, size // 2, size // 2), np.float32)
            flows[:, 0] = flow
            answers += [flows, tone, np.full((count, 3, size, size), paint, np.float32)]
        return answers

    return CorrectionNets(lambda inputs: [np.zeros((1, 8), np.float32)], frame, "cpu", sizes)


def forehead(portrait: Portrait) -> tuple[slice, slice]:
    """Rows and columns of skin that no detail's square reaches."""
    x, y = (int(k) for k in portrait.landmarks[151, :2])
    return slice(y - 24, y - 8), slice(x - 10, x + 10)


def test_encoding_comes_back_exactly_enough_below_black_and_far_above_white() -> None:
    light = np.array([-0.5, -0.001, 0.0, 0.002, 0.18, 1.0, 1.5, 900.0], np.float32)
    assert np.allclose(decode(encode(light, 0.5), 0.5), light, rtol=2e-5, atol=1e-6)
    assert encode(np.float32(1.0)) == pytest.approx(1.0)


def test_nothing_happens_at_the_identity_pose(portrait: Portrait) -> None:
    posed = pose_portrait(portrait, Pose())
    made = corrected_frame(Corrector(answering(flow=0.02, gain=0.3, paint=0.2), portrait), posed, ("Combined",))
    assert (made["Combined"] == portrait.source).all()


def test_corrections_of_nothing_leave_the_engines_frame_to_the_last_bit(portrait: Portrait) -> None:
    posed = pose_portrait(portrait, TURNED)
    made = corrected_frame(Corrector(answering(), portrait), posed, ("Combined", "Matte"))
    alone = render_rows(posed, 0, portrait.height, passes=("Combined", "Matte")).passes
    assert all((made[name] == alone[name]).all() for name in made)


def test_paint_and_gain_change_what_the_screen_shows_by_that_much(portrait: Portrait) -> None:
    posed = pose_portrait(portrait, TURNED)
    alone = encode(render_rows(posed, 0, portrait.height, passes=("Combined",)).passes["Combined"][..., :3])
    made = corrected_frame(Corrector(answering(gain=0.1, paint=0.05), portrait), posed, ("Combined",))
    middle = forehead(portrait)
    assert np.allclose(encode(made["Combined"][..., :3])[middle], 1.1 * alone[middle] + 0.05, atol=2e-3)


def test_networks_of_twice_the_size_see_squares_of_twice_the_size_and_correct_the_same_place(
    portrait: Portrait,
) -> None:
    posed = pose_portrait(portrait, TURNED)
    small, large = (Corrector(answering(paint=0.05, sizes=sizes), portrait) for sizes in (FAST, FULL))
    one, other = (corrected_frame(corrector, posed, ("Combined",))["Combined"] for corrector in (small, large))
    assert large.still.head_rgba.shape == (512, 512, 4)
    alone = render_rows(posed, 0, portrait.height, passes=("Combined",)).passes["Combined"]
    share = np.abs(other - one).sum() / np.abs(one - alone).sum()  # at the person's rim they see more finely
    assert 0 < share < 0.02


def test_a_flow_takes_colours_from_beside(portrait: Portrait) -> None:
    away = 5
    side = head_crop(portrait.landmarks).size / head_crop(portrait.landmarks).scale
    corrector = Corrector(answering(flow=away / side), portrait)
    posed = pose_portrait(portrait, TURNED)
    alone = render_rows(posed, 0, portrait.height, passes=("Combined",)).passes["Combined"]
    made = corrected_frame(corrector, posed, ("Combined",))["Combined"]
    rows, columns = forehead(portrait)
    shifted = alone[rows, columns.start + away : columns.stop + away]
    assert np.abs(made[rows, columns] - shifted).max() < 1e-3


def test_light_far_above_white_and_below_black_is_not_clamped(portrait: Portrait) -> None:
    combined, matte = portrait.source.copy(), np.zeros((*portrait.source.shape[:2], 1), np.float32)
    middle = forehead(portrait)
    combined[middle] = [40.0, -0.02, 0.5, 1.0]
    corrector = Corrector(answering(paint=0.001), portrait)
    made = corrector.apply(pose_portrait(portrait, TURNED), {"Combined": combined, "Matte": matte})["Combined"]
    assert (made[middle][..., 0] > 39).all()
    assert (made[middle][..., 1] < -0.015).all()


def test_points_go_into_a_mirrored_crop_and_back() -> None:
    crop = Crop.around(np.array([150.0, 180.0]), 80.0, 64, along=np.array([0.8, 0.6]), mirrored=True)
    points = np.array([[150.0, 180.0], [170.0, 160.0]])  # the middle, and somewhere else
    there = crop.to_crop(points)
    assert np.allclose(there[0], 32)
    back = there @ crop.to_picture[:, :2].T + crop.to_picture[:, 2]
    assert np.allclose(back, points)
    assert np.allclose(crop.cut(np.full((360, 300, 3), 0.3, np.float32)), 0.3)


def test_mirrored_numbers_come_back(portrait: Portrait) -> None:
    numbers = features.numbers(portrait, pose_portrait(portrait, TURNED))
    assert numbers.shape == (NUMBERS,) == MIRROR_FROM.shape
    assert np.allclose(mirrored_numbers(mirrored_numbers(numbers)), numbers)


def test_feeds_are_planar_float32_and_hold_two_eyes(portrait: Portrait) -> None:
    corrector = Corrector(answering(), portrait)
    posed = pose_portrait(portrait, TURNED)
    made = render_rows(posed, 0, portrait.height, passes=("Combined", "Matte")).passes
    views = features.frame_views(portrait, corrector.still, posed, made["Combined"], made["Matte"][..., 0])
    inputs = network_inputs(views, features.numbers(portrait, posed), corrector.embedding)
    assert all(value.dtype == np.float32 and np.isfinite(value).all() for value in inputs.values())
    assert inputs["eyes_numbers"].shape == (2, NUMBERS)


@pytest.mark.parametrize("keep", [0, bands.KEEP])
@pytest.mark.parametrize("step", [16, 48, 1000])
def test_bands_of_any_height_give_the_same_bytes_drawn_once_or_twice(
    portrait: Portrait, monkeypatch: pytest.MonkeyPatch, step: int, keep: int
) -> None:
    monkeypatch.setattr(bands, "KEEP", keep)
    corrector = Corrector(answering(flow=0.02, gain=0.1, paint=0.05), portrait)
    posed = pose_portrait(portrait, TURNED, previous=Pose(), following=TURNED)
    whole = corrected_frame(corrector, posed, ALL_PASSES)
    parts = list(corrected_bands(corrector, posed, ALL_PASSES, step))
    assert [row for row, _ in parts] == list(range(0, portrait.height, step))
    for name in ALL_PASSES:
        joined = np.concatenate([passes[name] for _, passes in parts])
        assert joined.tobytes() == whole[name].tobytes(), name


def test_uv_and_vector_say_where_a_moved_colour_really_comes_from(portrait: Portrait) -> None:
    away = 5
    side = head_crop(portrait.landmarks).size / head_crop(portrait.landmarks).scale
    posed = pose_portrait(portrait, TURNED, previous=Pose())
    passes = ("Combined", "UV", "Vector", "Depth", "Face")
    alone = render_rows(posed, 0, portrait.height, passes=passes).passes
    made = corrected_frame(Corrector(answering(flow=away / side), portrait), posed, passes)
    rows, columns = forehead(portrait)
    for name in passes:
        shifted = alone[name][rows, columns.start + away : columns.stop + away]
        assert np.abs(made[name][rows, columns] - shifted).max() < 1e-3, name
    moved = (made["UV"] - alone["UV"])[rows, columns, 0] * portrait.width
    assert np.allclose(moved, away, atol=0.6)


def test_uv_does_not_mix_person_and_plate_at_their_edge(portrait: Portrait) -> None:
    """Half way between two surfaces there is nothing to be found."""
    values = np.zeros((4, 8, 3), np.float32)
    values[:, 4:] = [0.5, 0.0, 0.0]  # far away in the portrait
    moves = np.zeros((4, 8, 2), np.float32)
    moves[..., 0] = 0.4
    out = values.copy()
    warp_pass(values, 0, 4, moves, 0, np.array([1000, 1000, 0], np.float32), out)
    assert set(np.unique(out[..., 0])) == {np.float32(0.0), np.float32(0.5)}


def test_paint_and_tone_leave_uv_and_vector_alone(portrait: Portrait) -> None:
    posed = pose_portrait(portrait, TURNED, previous=Pose())
    passes = ("UV", "Vector", "Depth")
    alone = render_rows(posed, 0, portrait.height, passes=passes).passes
    made = corrected_frame(Corrector(answering(gain=0.1, paint=0.05), portrait), posed, passes)
    assert all(made[name].tobytes() == alone[name].tobytes() for name in passes)


def test_networks_that_answer_with_no_number_are_a_sentence(portrait: Portrait) -> None:
    with pytest.raises(ModelError, match="no number"):
        corrected_frame(
            Corrector(answering(paint=float("nan")), portrait), pose_portrait(portrait, TURNED), ("Combined",)
        )
