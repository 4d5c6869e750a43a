"""Every field of a job is declared, and all that handles paths or reuses results follows from the declarations."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from gioconda.farm.openjd import asset_references
from gioconda.farm.path_map import Rule, mapped_job
from gioconda.farm.tasks import SubmissionItem, Task
from gioconda.job.fingerprint import fingerprint, pixel_settings, portrait_settings
from gioconda.job.job import PATHS, REST, TAKE, Job
from gioconda.job.passes import PASSES
from gioconda.job.settings import declared

JOB = Job("a.png", "take.npz", "out/####.exr")
OTHER: dict[str, Any] = {  # another value for each setting that is no path
    "frames": "7",
    "neutral": 3,
    "fps": 30.0,
    "motion_start": 11,
    "motion_face": 2,
    "sound_drives": True,
    "language": "de",
    "voice_seed": 3,
    "layer": "Image",
    "face": 2,
    "passes": ("UV",),
    "full_float": True,
    "compression": "piz",
    "colorspace": "linear",
    "plate_colorspace": "linear",
    "device": "cpu",
    "threads": 2,
    "draft": True,
    "neural": "off",
    "png": True,
    "resume": True,
    "overwrite": True,
    "placeholders": True,
    "rest": 5,
    "consent": {"right": "own_work", "who": "me", "text": ""},
    "retarget": {"lips": 2.0},
    "persons": ({"face": 1, "motion": "take.npz"},),
}


def test_every_field_is_declared() -> None:
    assert list(declared(Job)) == [field.name for field in fields(Job)]
    assert set(declared(Job)) == set(OTHER) | set(PATHS)
    assert all(setting.text for setting in declared(Job).values())


def named(folder: str) -> Job:
    """A job that names a file below a folder in every setting that can."""
    return replace(JOB, **{name: f"{folder}/{name}.####.exr" for name in PATHS})


def test_every_path_is_anchored_and_mapped() -> None:
    there = named("/there")
    assert set(there.paths()) == set(PATHS)
    assert named("sub").anchored(Path("/there/..")) == named("/there/../sub")
    assert mapped_job(there, [Rule(PurePosixPath("/there"), Path("/here"))]) == named("/here")


def test_every_path_that_is_read_or_written_is_an_asset() -> None:
    there = named("/there")
    task = Task(SubmissionItem("one", there, (1,)), Path("one.json"), None, (), (), ())
    found = asset_references([task])["assetReferences"]
    assert found["inputs"]["filenames"] == sorted(there.paths("file").values())
    assert found["inputs"]["directories"] == sorted(there.paths("folder").values())
    assert found["outputs"]["directories"] == ["/there"]
    assert there.identity in found["inputs"]["filenames"]
    assert set(PATHS) - set(there.paths("file", "folder", "output")) == {"cache", "keys"}  # they stay on their machine


@pytest.mark.parametrize("motion", [TAKE, REST])
def test_a_built_in_motion_is_no_path(motion: str) -> None:
    job = replace(JOB, motion=motion)
    assert "motion" not in job.paths()
    assert job.anchored(Path("/there")).motion == motion
    assert mapped_job(job, [Rule(PurePosixPath(), Path("/here"))]).motion == motion
    assert mapped_job(job, [Rule(PurePosixPath(motion), Path("/here"))]).motion == motion


@pytest.mark.parametrize("name", list(declared(Job)))
def test_a_setting_changes_what_it_says(name: str) -> None:
    beside = {"motion": REST} if name == "persons" else {}
    changes, other = declared(Job)[name].changes, replace(JOB, **beside, **{name: OTHER.get(name, "b.####.exr")})
    is_file = name in PATHS  # in a fingerprint their contents count, not their names
    assert (fingerprint(other, {}) != fingerprint(JOB, {})) == (changes in ("pixels", "portrait") and not is_file)
    assert (pixel_settings(other) != pixel_settings(JOB)) == (changes != "nothing" and not is_file)
    assert (portrait_settings(other) != portrait_settings(JOB)) == (changes == "portrait")


def test_files_count_by_their_contents() -> None:
    assert fingerprint(JOB, {"matte": "1"}) != fingerprint(JOB, {"matte": "2"})


def test_a_pass_keeps_the_bit_that_blend_files_of_version_0_1_have() -> None:
    assert {name: one.bit for name, one in PASSES.items()}.items() >= {
        "Combined": 0,
        "Matte": 1,
        "Depth": 2,
        "Vector": 3,
        "UV": 4,
        "Face": 5,
        "Hair": 6,
        "Body": 7,
        "Eyes": 8,
        "Lips": 9,
        "Mouth": 10,
        "Disocclusion": 11,
        "Confidence": 12,
        "Plate": 13,
    }.items()
    assert len({one.bit for one in PASSES.values()}) == len(PASSES)
