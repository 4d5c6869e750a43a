"""Job and batch files: the published schemas are the dataclasses', and errors name file, line and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gioconda.batch.settings import Delivery, Match, Override, Source, read_batch, read_job, schema
from gioconda.errors import SettingsError
from gioconda.job.check import problems
from gioconda.job.job import Job

JOB = {"portrait": "a.png", "motion": "take", "output": "out/####.exr"}
BATCH = {"portraits": ["p/*.png"], "motions": "take", "output": "out/{portrait}/{motion}/####.exr"}


def test_a_job_may_be_yaml(tmp_path: Path) -> None:
    path = tmp_path / "shot.yaml"
    path.write_text(
        "portrait: a.png\nmotion: take\noutput: out/####.exr\nframes: 7\npasses: [Combined, UV]\nfps: 24\n"
        "retarget: {lips: 1.2}\n",
        encoding="utf-8",
    )
    job = Job("a.png", "take", "out/####.exr", frames="7", passes=("Combined", "UV"), fps=24, retarget={"lips": 1.2})
    assert read_job(path) == job.anchored(tmp_path)
    path.with_suffix(".json").write_text(job.to_json(), encoding="utf-8")
    assert read_job(path.with_suffix(".json")) == job.anchored(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("pases: [Combined]", "line 4: “pases” is no setting (did you mean “passes”?); known are gioconda_job, "),
        ("passes: [UV, Mate]", 'line 4: “passes[2]” cannot be "Mate" (did you mean “Matte”?); choose from '),
        ("fps: fast", 'line 4: “fps” cannot be "fast"; it is a number above 0 below 10000 or nothing (null).'),
        ("threads: 0", "line 4: “threads” cannot be 0; it is a whole number from 1 to 4096 or nothing (null)."),
        ("frames: 9..12", 'line 4: “frames” cannot be "9..12"; it is text such as 1-100x2,120 or a whole number.'),
        ("retarget:\n  lips: 9", "line 5: “retarget.lips” cannot be 9; it is a number from 0 to 5."),
        ("device: vpu", 'line 4: “device” cannot be "vpu'),
        ("draft: 1", "line 4: “draft” cannot be 1; it is true or false."),
        ("frames: 9-1", "“9-1” ends before it begins"),
    ],
)
def test_errors_name_line_and_field_and_what_is_accepted(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "shot.yaml"
    path.write_text(f"portrait: a.png\nmotion: take\noutput: out/####.exr\n{line}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        read_job(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


def test_a_setting_that_is_missing_says_what_it_is_for(tmp_path: Path) -> None:
    path = tmp_path / "shot.yaml"
    path.write_text("portrait: a.png\nmotion: take\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"the file lacks “output”: pattern of the frames' names"):
        read_job(path)


def test_a_json_job_with_an_error_names_the_line_too(tmp_path: Path) -> None:
    path = tmp_path / "shot.json"
    path.write_text(json.dumps({**JOB, "fps": -3}, indent=1), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"line 5: “fps” cannot be -3"):
        read_job(path)


def test_a_batch_is_read_with_absolute_paths(tmp_path: Path) -> None:
    path = tmp_path / "npcs.yaml"
    path.write_text(
        """
portraits: [p/*.png, {file: q.png, name: queen}]
motions: take
output: out/{portrait}/{motion}/####.exr
exclude: [{portrait: q*, motion: take}]
settings: {passes: [Combined], points: "points/{portrait}.json"}
overrides: [{portrait: queen, settings: {face: 2}}]
delivery: {formats: [png, png, atlas], size: 256}
keep_going: true
""",
        encoding="utf-8",
    )
    batch = read_batch(path)
    assert batch.portraits == (Source(str(tmp_path / "p/*.png")), Source(str(tmp_path / "q.png"), "queen"))
    assert batch.motions == (Source("take"),)
    assert batch.exclude == (Match("q*", "take"),)
    assert batch.settings == {"passes": ["Combined"], "points": str(tmp_path / "points/{portrait}.json")}
    assert batch.overrides == (Override("queen", "*", {"face": 2}),)
    assert batch.delivery == Delivery(("png", "atlas"), 256)
    assert batch.keep_going
    assert batch.report_folder == tmp_path / "npcs.report"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"portraits": []}, "“portraits” cannot be []; it is a list that is not empty"),
        ({"portraits": [{"name": "x"}]}, "“portraits[1]” lacks “file”"),
        ({"settings": {"output": "x"}}, "“settings.output” is no setting"),
        ({"delivery": {"formats": ["gif"]}}, '“delivery.formats[1]” cannot be "gif"'),
        ({"overrides": [{"settings": {"fps": 0}}]}, "“overrides[1].settings.fps” cannot be 0"),
        ({"portraits": [{"file": "*.png", "name": "x"}]}, "“portraits[1].name” cannot name a glob"),
        ({"attempts": 0}, "“attempts” cannot be 0; it is a whole number from 1 to 100"),
    ],
)
def test_what_is_wrong_with_a_batch_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = tmp_path / "npcs.json"
    path.write_text(json.dumps({**BATCH, **change}), encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        read_batch(path)
    assert said in str(caught.value)


def test_a_library_that_knows_all_of_json_schema_agrees() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    good: list[tuple[str, dict[str, Any]]] = [("job", JOB), ("batch", BATCH), ("job", json.loads(Job(**JOB).to_json()))]
    changes: list[dict[str, Any]] = [
        {"fps": 0},
        {"fps": 24},
        {"face": "largest"},
        {"face": "second"},
        {"face": 0},
        {"passes": ["UV"]},
        {"passes": "UV"},
        {"passes": [1]},
        {"frames": 3},
        {"frames": "a"},
        {"retarget": {"lips": True}},
        {"retarget": {"mode": "x"}},
        {"unknown": 1},
        {"output": "out/####.png"},
        {"consent": {"right": "own_work"}},
        {"consent": {"right": "own_work", "who": "me"}},
        {"compression": "zip:3"},
        {"compression": "gz"},
        {"portraits": "p.png"},
        {"portraits": [{"file": "a", "name": None}]},
        {"delivery": {"size": 3}},
        {"gioconda_job": 2},
        {"gioconda_batch": 1},
    ]
    for name, base in good:
        validator = jsonschema.Draft202012Validator(schema(name))
        validator.check_schema(schema(name))
        assert validator.is_valid(base)
        for change in ({}, *changes):
            data = {**base, **change}
            assert validator.is_valid(data) == (not list(problems(data, schema(name)))), data
