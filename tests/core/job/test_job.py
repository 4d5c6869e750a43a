"""The job and the messages survive the trip; whatever does not fit is refused with a sentence."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from gioconda.errors import SettingsError
from gioconda.job.job import Job
from gioconda.worker.messages import (
    KINDS,
    BatchProgress,
    Error,
    Hello,
    JsonLines,
    Log,
    Progress,
    Result,
    Stage,
    Warn,
    check_version,
    from_answer,
    from_line,
    to_line,
)

JOB = Job("a.jpg", "take.npz", "out/####.exr", frames="1-9", passes=("Combined", "UV"), retarget={"lips": 2})


def test_a_job_survives_the_trip_through_json() -> None:
    assert Job.from_json(JOB.to_json()) == JOB


def test_a_job_written_by_hand_needs_only_its_three_files() -> None:
    text = '{"portrait": "a.png", "motion": "take", "output": "####.exr"}'
    assert Job.from_json(text) == Job("a.png", "take", "####.exr")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"colour": "red"}, "the job: “colour” is no setting; known are portrait, "),
        ({"passes": ["Beauty"]}, r"“passes\[1\]” cannot be \"Beauty\"; choose from Combined, "),
        ({"fps": 0}, "“fps” cannot be 0; it is a number above 0 below 10000"),
        ({"fps": "fast"}, '“fps” cannot be "fast"'),
        ({"threads": 0}, "“threads” cannot be 0; it is a whole number from 1 to 4096"),
        ({"face": "left"}, '“face” cannot be "left"; it is a whole number from 1 or one of largest'),
        ({"frames": "5-1"}, "ends before it begins"),
        ({"output": "out.exr"}, "where the frame number goes"),
        ({"draft": 1}, "“draft” cannot be 1"),
        ({"gioconda_job": 99}, "version 99"),
    ],
)
def test_a_job_that_cannot_be_used_says_why(change: dict[str, object], sentence: str) -> None:
    data = {"portrait": "a.png", "motion": "take", "output": "####.exr", **change}
    with pytest.raises(SettingsError, match=sentence):
        Job.from_json(json.dumps(data))


@pytest.mark.parametrize(("text", "sentence"), [("{", "line 1"), ("[]", "one JSON object"), ("{}", "lacks “portrait”")])
def test_a_file_that_is_no_job_says_so(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        Job.from_json(text, source="shot.json")


def test_a_travelling_job_counts_its_paths_from_its_folder(tmp_path: Path) -> None:
    job = Job("a.png", "take", "out/####.exr", ocio="ocio://default", matte="/elsewhere/m.png").anchored(tmp_path)
    assert job.portrait == str(tmp_path / "a.png")
    assert job.output == str(tmp_path / "out" / "####.exr")
    assert Job("a.png", "rest", "####.exr").anchored(tmp_path).motion == "rest"
    assert (job.motion, job.ocio, job.matte) == ("take", "ocio://default", "/elsewhere/m.png")


MESSAGES = (
    Hello(),
    Log("on the CPU"),
    Warn("frame 7 is not there"),
    Stage("read", "Reading a.png"),
    BatchProgress(3, 1, 8, 40, 96, 12.5, {"1": {"item": "a/b", "stage": "render", "done": 4, "total": 12}}),
    Progress(3, 10, frame=5, path="out/0005.exr", seconds_left=1.5),
    Result("animate", {"frames": 10}),
    Error(3, "There is no file a.png."),
)


def test_every_kind_of_message_survives_the_trip() -> None:
    assert {type(message) for message in MESSAGES} == set(KINDS.values())
    stream = io.StringIO()
    lines = JsonLines(stream)
    for message in MESSAGES:
        lines(message)
    assert [from_line(line) for line in stream.getvalue().splitlines()] == list(MESSAGES)


def test_an_answer_carries_the_id_of_its_request() -> None:
    for message in MESSAGES:
        assert from_answer(to_line(message, 7)) == (7, message)
        assert from_answer(to_line(message)) == (None, message)


@pytest.mark.parametrize("first", [Hello(version="99.0"), Hello(protocol=99), Log("older ones say no hello")])
def test_a_worker_of_another_version_is_told_apart(first: Hello | Log) -> None:
    check_version(Hello())
    with pytest.raises(SettingsError, match="restart Blender"):
        check_version(first)


def test_a_line_that_is_no_message_is_passed_over() -> None:
    assert from_line("Loading model…") is None
    assert from_line("[1, 2]") is None


def test_a_message_of_a_newer_version_is_refused() -> None:
    with pytest.raises(SettingsError, match="unknown kind “hologram”"):
        from_line('{"kind": "hologram"}')
    with pytest.raises(SettingsError, match="message: “colour” is no setting; known are text"):
        from_line(to_line(Log("x")).replace('"text"', '"colour"'))
