"""Several driven people of one picture: whose pixels are whose, what moves, what stays as it is."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from gioconda.errors import SettingsError
from gioconda.imaging import resample
from gioconda.imaging.exr import read_exr
from gioconda.imaging.image import read_picture, write_png
from gioconda.job.job import REST, Job
from gioconda.job.passes import ALL_PASSES
from gioconda.landmarks import template
from gioconda.motion.files import save_motion
from gioconda.motion.motion import Motion
from gioconda.provenance.policy import Policy, read_policy
from gioconda.provenance.rights import with_consent
from gioconda.render import sequence
from gioconda.render.group import in_front, merged, nearest_first
from gioconda.worker.messages import Message

HOPPER = Path(__file__).resolve().parents[3] / "core/gioconda/cli/grace_hopper.jpg"
WIDTH, HEIGHT = 224, 262


def quiet(_: Message) -> None:
    pass


def person(face: int, **more: Any) -> dict[str, Any]:
    return {"face": face, "motion": "take.csv", **more}


def group(*persons: dict[str, Any], **more: Any) -> Job:
    return Job("a.png", REST, "out/####.exr", persons=persons, **more)


@pytest.mark.parametrize(
    ("persons", "more", "sentence"),
    [
        ((person(1), person(1)), {}, "Person 1 is there twice"),
        ((person(1),), {"motion": "take.npz"}, "There is a motion (take.npz) beside those of the persons"),
        ((person(1),), {"face": 2}, "“face” says nothing of one of several persons"),
        (({"face": 1},), {}, "lacks “motion”"),
        ((person(0),), {}, "“persons[1].face” cannot be 0"),
        ((person(1, neutrl=3),), {}, "did you mean “neutral”"),
        ((person(1, retarget={"sparkle": 1}),), {}, "“persons[1].retarget.sparkle” is no setting"),
    ],
)
def test_what_cannot_be_a_group_is_refused(persons: Any, more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as error:
        replace(group(), **more, persons=persons)
    assert sentence in str(error.value)


def test_each_person_has_a_job_of_their_own() -> None:
    job = group(person(2, neutral=5, retarget={"lips": 2.0}), person(1, motion=REST), retarget={"jaw": 0.5}, neutral=3)
    two, one = job.of_persons()
    assert (two.face, two.motion, two.neutral, two.retarget) == (2, "take.csv", 5, {"jaw": 0.5, "lips": 2.0})
    assert (one.face, one.motion, one.neutral, one.retarget) == (1, REST, 3, {"jaw": 0.5})
    assert two.persons == ()
    assert Job.from_json(job.to_json()) == job


def test_the_persons_files_are_the_jobs_files() -> None:
    job = group(person(1, matte="m.png"), person(2, motion=REST))
    assert job.anchored(Path("/a")).paths("file") == {
        "portrait": "/a/a.png",
        "persons[1].motion": "/a/take.csv",
        "persons[1].matte": "/a/m.png",
    }


def test_every_person_needs_a_statement() -> None:
    mine = {"right": "own_work", "who": "me", "text": ""}
    hers = {"right": "subject_consent", "who": "Ada", "text": ""}
    with pytest.raises(SettingsError, match=r"person 2"):
        with_consent(group(person(1, consent=mine), person(2)), Policy(), interactive=False)
    stated = with_consent(group(person(1, consent=mine), person(2), consent=hers), Policy(), interactive=False)
    assert stated.consents() == {"person 1": mine, "person 2": hers}


def face_at(x: float, y: float, size: float) -> Any:
    points = np.array(template(), np.float64)
    points = (points - points.mean(0)) * [1, -1, 1] / np.ptp(points[:, 1]) * size
    return points + [x, y, 0]


def test_who_is_nearer() -> None:
    apart = [face_at(100, 100, 50), face_at(300, 100, 80)]
    assert nearest_first(apart, [None, None]) == [1, 0]
    assert nearest_first(apart, [1, None]) == [0, 1]
    held = [face_at(200, 100, 80), face_at(230, 220, 50)]  # a child before its mother
    assert nearest_first(held, [None, None]) == [1, 0]
    row = [face_at(100, 100, 60), face_at(200, 100, 56), face_at(900, 100, 60)]
    assert nearest_first(row, [None] * 3, {0}) == [2, 1, 0]  # who rests is before who moves
    assert in_front([2, 1, 0], row, {0}) == [1, 0]  # the third is too far away to matter
    row[1] = face_at(200, 100, 30)
    assert nearest_first(row, [None] * 3, {0}) == [2, 0, 1]
    assert in_front([2, 0, 1], row, {0}) == [0]


def test_a_person_is_put_over_what_moved_behind() -> None:
    plate = np.full((1, 4, 4), 0.3, np.float32)
    portrait: Any = SimpleNamespace(write_plate=lambda row, out: np.copyto(out, plate))
    alpha = np.array([0, 0.5, 1, 0], np.float32).reshape(1, 4, 1)
    person_colour = np.float32(0.7) * alpha
    front = {"Combined": person_colour + (1 - alpha) * plate, "Matte": alpha}
    behind = {"Combined": plate.copy(), "Matte": np.zeros_like(alpha)}
    assert np.array_equal(merged(front, behind, portrait, 0)["Combined"], front["Combined"])
    behind["Combined"][:, :3], behind["Matte"][:, :3] = 0.9, 1
    made = merged(front, behind, portrait, 0)
    np.testing.assert_allclose(made["Combined"][0, :, 0], [0.9, 0.35 + 0.45, 0.7, 0.3], atol=1e-6)
    assert made["Matte"].ravel().tolist() == [1, 1, 1, 0]
    assert made["Combined"][0, 0, 0] == np.float32(0.9)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, models_folder: Path) -> Job:
    """Three people side by side, two takes of four frames; the second take begins at rest."""
    folder = tmp_path_factory.mktemp("group")
    picture = read_picture(HOPPER, colorspace="linear").pixels[..., :3] * 255
    one = np.round(resample.resize(picture, WIDTH, HEIGHT)).astype(np.uint8)
    write_png(folder / "three.png", np.concatenate([one, one[:, ::-1], one], 1))
    for name, opened in (("first", (0.0, 0.0, 0.6, 0.6)), ("second", (0.0, 0.6, 0.6, 0.6))):
        channels = np.array(opened, np.float32)[:, None]
        motion = Motion(24.0, np.arange(1, 5), channels=channels, channel_names=("jawOpen",), neutral=0)
        save_motion(motion, folder / f"{name}.npz")
    stated = read_policy(Path(os.environ["GIOCONDA_POLICY"])).consent
    assert stated
    persons = ({"face": 1, "motion": str(folder / "first.npz")}, {"face": 3, "motion": str(folder / "second.npz")})
    return Job(
        str(folder / "three.png"),
        REST,
        str(folder / "whole/####.exr"),
        persons=persons,
        passes=ALL_PASSES,
        full_float=True,
        neural="off",
        cache=str(folder / "cache"),
        consent=stated.plain(),
    )


@pytest.mark.slow
def test_who_does_not_move_stays_exact(job: Job) -> None:
    sequence.render(job, quiet)
    source = read_picture(job.portrait).pixels
    still, second, both, again = (read_exr(Path(job.output.replace("####", f"{n:04}")))[0] for n in (1, 2, 3, 4))
    assert np.array_equal(still["Combined"], source)
    middle, right = slice(int(1.2 * WIDTH), int(1.8 * WIDTH)), slice(2 * WIDTH, None)
    assert np.array_equal(second["Combined"][:, : 2 * WIDTH - 40], source[:, : 2 * WIDTH - 40])  # person 1 rests
    assert not np.array_equal(second["Combined"][:, right], source[:, right])
    for frame in (both, again):
        assert np.array_equal(frame["Combined"][:, middle], source[:, middle])
        assert (np.abs(frame["Combined"] - source)[:, :WIDTH].max()) > 0.05
    over = both["Foreground"] + (1 - both["Matte"]) * both["Plate"]
    np.testing.assert_allclose(over[..., :3], both["Combined"][..., :3], atol=1e-4)
    np.testing.assert_allclose(both["Matte"], sum(both[f"Person{n}"] for n in (1, 2, 3)), atol=1e-6)
    for n in (1, 2, 3):
        columns = slice((n - 1) * WIDTH + 80, n * WIDTH - 80)
        assert both[f"Person{n}"][:, columns].mean() > 0.4
    for frame in (both, again):  # whatever is the resting person's, to the bit
        own = frame["Person2"][..., 0] == 1
        assert own.mean() > 0.1
        assert np.array_equal(frame["Combined"][own], source[own])
    before = [path.read_bytes() for path in sorted(Path(job.output).parent.glob("*.exr"))]
    assert sequence.render(replace(job, resume=True), quiet)["kept"] == 4
    calmer = tuple({**one, "retarget": {"jaw": 0.5}} if one["face"] == 3 else one for one in job.persons)
    # frame 1 too: its Vector pass shows where frame 2 is
    assert sequence.render(replace(job, resume=True, persons=calmer), quiet)["kept"] == 0
    assert [path.read_bytes() for path in sorted(Path(job.output).parent.glob("*.exr"))] != before


@pytest.mark.slow
def test_a_person_who_is_not_there_and_motions_without_a_common_frame(job: Job, tmp_path: Path) -> None:
    elsewhere = replace(job, output=str(tmp_path / "####.exr"))
    first, second = job.persons
    with pytest.raises(Exception, match=r"There is no face 7: 3 faces found"):
        sequence.render(replace(elsewhere, persons=(first, {**second, "face": 7})), quiet)
    with pytest.raises(SettingsError, match=r"no frame in common: person 1 has 1-4; person 3 has 101-104"):
        sequence.render(replace(elsewhere, persons=(first, {**second, "motion_start": 101})), quiet)
