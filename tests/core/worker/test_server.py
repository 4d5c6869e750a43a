"""A worker that stays: newest preview first, mistakes are answers, and it ends when nobody talks to it any more."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gioconda.errors import ExitCode, GiocondaError, SettingsError
from gioconda.imaging import resample
from gioconda.imaging.image import read_picture, write_png
from gioconda.motion.files import to_plain
from gioconda.motion.motion import Motion
from gioconda.worker.messages import Error, Hello, Message, Result, Stage, from_answer
from gioconda.worker.requests import Analyse, Cancel, Preview, Quit, Warm, to_line
from gioconda.worker.server import UNWANTED, Server, lines_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
HOPPER = ROOT / "core/gioconda/cli/grace_hopper.jpg"
CORE = [sys.executable, "-s", "-P", str(ROOT / "core")]
Said = list[tuple[int | None, Message]]


# --- the order of things, without pictures --------------------------------------------------------------------------


class SlowService:
    """Answers in its own time: `preview` waits to be let go."""

    def __init__(self) -> None:
        self.said: Said = []
        self.begun = threading.Event()
        self.let_go = threading.Event()
        self.server = Server(lambda message, number: self.said.append((number, message)), explain=explain)

    def preview(self, request: Preview, report: Callable[[Message], None]) -> dict[str, Any]:
        report(Stage("prepare", "…"))
        self.begun.set()
        assert self.let_go.wait(10)
        self.server.check()
        return {"frame": request.frame}

    def warm(self, request: Warm, report: Callable[[Message], None]) -> dict[str, Any]:
        if request.device == "cuda":
            raise SettingsError("There is no such device.")
        raise ZeroDivisionError if request.device == "coreml" else GiocondaError("Not now.")

    def work(self) -> None:
        self.server.work({Preview: self.preview, Warm: self.warm})


def explain(error: Exception) -> Error:
    if isinstance(error, GiocondaError):
        return Error(int(error.exit_code), str(error))
    return Error(int(ExitCode.FAILED), "This is a bug.")


def preview(number: int, subject: str = "") -> Preview:
    return Preview(number, {}, frame=number, folder=".", subject=subject)


@pytest.fixture
def service() -> Iterator[SlowService]:
    service = SlowService()
    thread = threading.Thread(target=service.work)
    thread.start()
    yield service
    service.let_go.set()
    service.server.finish()
    thread.join(10)
    assert not thread.is_alive()


def results(service: SlowService, count: int) -> Said:
    """The last words on the first so many requests."""
    end = time.monotonic() + 10
    while len(found := [one for one in service.said if isinstance(one[1], Result | Error)]) < count:
        assert time.monotonic() < end, service.said
        time.sleep(0.002)
    return found


def test_of_many_previews_the_newest_is_answered_and_the_running_one_given_up(service: SlowService) -> None:
    service.server.take(preview(1))
    assert service.begun.wait(10)
    for number in (2, 3, 4):
        service.server.take(preview(number))
    service.let_go.set()
    assert dict(results(service, 4)) == {1: UNWANTED, 2: UNWANTED, 3: UNWANTED, 4: Result("preview", {"frame": 4})}


def test_previews_of_two_subjects_do_not_replace_each_other(service: SlowService) -> None:
    service.server.take(preview(1, "a"))
    assert service.begun.wait(10)
    service.server.take(preview(2, "b"))
    service.server.take(preview(3, "b"))
    service.let_go.set()
    found = dict(results(service, 3))
    assert found == {1: Result("preview", {"frame": 1}), 2: UNWANTED, 3: Result("preview", {"frame": 3})}


def test_a_cancelled_request_is_answered_as_unwanted_whether_it_runs_or_waits(service: SlowService) -> None:
    service.server.take(preview(1, "a"))
    assert service.begun.wait(10)
    service.server.take(preview(2, "b"))
    service.server.take(Cancel(3, which=2))
    service.server.take(Cancel(4, which=1))
    service.server.take(Cancel(5, which=99))
    service.let_go.set()
    assert results(service, 2) == [(2, UNWANTED), (1, UNWANTED)]


def test_a_client_that_goes_takes_its_requests_along_and_no_other_clients(service: SlowService, tmp_path: Path) -> None:
    with Listener() as listener:
        service.server.accept(listener)
        first, second = Client(listener.address), Client(listener.address)
        for client in (first, second):
            client.send_bytes(to_line(preview(1)).encode())
            assert service.begun.wait(10)  # the first one's; the second one's waits
        first.close()
        second.send_bytes(to_line(Cancel(2, which=7)).encode())
        service.let_go.set()
        answers = [from_answer(second.recv_bytes().decode()) for _ in range(2)]
        second.close()
    assert answers == [(1, Stage("prepare", "…")), (1, Result("preview", {"frame": 1}))]
    assert service.said == []


@pytest.mark.parametrize(("device", "code"), [("cuda", 3), ("coreml", 1), ("cpu", 1)])
def test_whatever_goes_wrong_is_an_answer_and_the_next_request_is_answered_too(
    service: SlowService, device: str, code: int
) -> None:
    service.let_go.set()
    service.server.take(Warm(1, device=device))
    service.server.take(preview(2))
    [(first, error), second] = results(service, 2)
    assert isinstance(error, Error)
    assert (first, error.code, second) == (1, code, (2, Result("preview", {"frame": 2})))


def test_a_line_that_is_no_request_is_answered_with_a_sentence(service: SlowService) -> None:
    service.server.listen(iter(["{", '{"request": "paint", "id": 7}', to_line(Quit(8))]))
    found = results(service, 2)
    assert [(number, message.code) for number, message in found if isinstance(message, Error)] == [(None, 3), (7, 3)]


def test_lines_come_whole_however_the_pipe_cuts_them() -> None:
    reader, writer = os.pipe()
    for part in (b'{"a"', b": 1}\n\n", "{“ü”}\n".encode()[:3], "{“ü”}\n".encode()[3:], b"rest"):
        os.write(writer, part)
    os.close(writer)
    assert list(lines_of(reader)) == ['{"a": 1}', "{“ü”}"]
    os.close(reader)


# --- the real thing -------------------------------------------------------------------------------------------------


class Child:
    """`gioconda serve` in a process of its own."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [*CORE, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.last = 0

    def ask(self, kind: type, *values: Any, **fields: Any) -> tuple[Message, list[Message]]:
        """The last word on a request, and what came before it."""
        number = self.send(kind, *values, **fields)
        before: list[Message] = []
        while True:
            answered, message = self.hear()
            if answered == number and isinstance(message, Result | Error):
                return message, before
            before.append(message)

    def send(self, kind: type, *values: Any, **fields: Any) -> int:
        self.last += 1
        assert self.process.stdin
        self.process.stdin.write(to_line(kind(self.last, *values, **fields)) + "\n")
        self.process.stdin.flush()
        return self.last

    def hear(self) -> tuple[int | None, Message]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.process.communicate()
        answer = from_answer(line)
        assert answer, line
        return answer


@pytest.fixture(scope="module")
def child(models_folder: Path) -> Iterator[Child]:
    child = Child()
    assert child.hear() == (None, Hello())
    yield child
    _, log = child.process.communicate(timeout=30)  # the end of its standard input
    assert child.process.returncode == 0, log
    assert "Traceback" not in log


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grace Hopper, 224 × 262 pixels."""
    path = tmp_path_factory.mktemp("portrait") / "small.png"
    picture = read_picture(HOPPER, colorspace="linear").pixels[..., :3] * 255
    write_png(path, np.round(resample.resize(picture, 224, 262)).astype(np.uint8))
    return path


def job(portrait: Path, **fields: Any) -> dict[str, Any]:
    return {"portrait": str(portrait), "motion": "rest", "output": "####.exr", **fields}


def speaking() -> Motion:
    channels = np.array([[0.0], [0.6]], np.float32)
    return Motion(24.0, np.array([1, 2], np.int32), channels=channels, channel_names=("jawOpen",), neutral=0)


def shown(answer: Message, size: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.float32]]:
    assert isinstance(answer, Result), answer
    assert (answer.data["width"], answer.data["height"]) == size
    picture = np.load(answer.data["path"])
    assert (picture.dtype, picture.shape) == (np.float32, (size[1], size[0], 4))
    return picture


def test_the_portrait_at_rest_is_the_reduced_picture(child: Child, small: Path, tmp_path: Path) -> None:
    answer, _ = child.ask(Preview, job(small), 7, str(tmp_path), size=128)
    picture = shown(answer, (109, 128))
    reduced = resample.resize(read_picture(small).pixels, 109, 128, method="area")
    assert np.abs(picture - reduced).max() < 1e-5
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".npy"]


def test_a_preview_of_a_motion_that_came_with_the_request_moves_the_mouth(
    child: Child, small: Path, tmp_path: Path
) -> None:
    plain = json.loads(json.dumps(to_plain(speaking())))
    still, moved = (
        shown(child.ask(Preview, job(small, motion=""), n, str(tmp_path), size=200, motion=plain)[0], (171, 200)).copy()
        for n in (1, 2)
    )
    change = np.abs(moved - still).max(axis=(1, 2))
    assert change[: 200 // 4].max() < 0.01  # above the brows hardly anything moves
    assert change.max() > 0.1


def test_beyond_its_end_a_motion_holds(child: Child, small: Path, tmp_path: Path) -> None:
    last, beyond = (
        shown(child.ask(Preview, job(small, motion="take"), n, str(tmp_path), size=100)[0], (85, 100)).copy()
        for n in (97, 500)
    )
    assert (last == beyond).all()


def test_a_preview_is_never_larger_than_the_portrait(child: Child, small: Path, tmp_path: Path) -> None:
    shown(child.ask(Preview, job(small), 1, str(tmp_path), size=4000)[0], (224, 262))


def test_a_second_preview_only_renders(child: Child, small: Path, tmp_path: Path) -> None:
    first, _ = child.ask(Preview, job(small), 1, str(tmp_path), size=150)
    second, before = child.ask(Preview, job(small), 2, str(tmp_path), size=150)
    assert before == []
    assert isinstance(second, Result) and isinstance(first, Result)
    assert second.data["path"] != first.data["path"]  # whoever still reads the first one is not disturbed
    assert second.data["seconds"] < 0.5


def test_a_preview_is_corrected_by_the_networks_when_asked_for(child: Child, small: Path, tmp_path: Path) -> None:
    plain = json.loads(json.dumps(to_plain(speaking())))
    made = {}
    for n, neural in ((1, True), (2, False), (2, True)):
        asked = {"size": 200, "motion": plain, "neural": neural}
        made[n, neural] = shown(
            child.ask(Preview, job(small, motion=""), n, str(tmp_path), **asked)[0], (171, 200)
        ).copy()
    change = np.abs(made[2, True] - made[2, False]).max(axis=(1, 2))
    assert change.max() > 0.01
    assert change[:3].max() == 0  # above the hat nobody has anything to say; at its edge the place is painted anew
    reduced = resample.resize(read_picture(small).pixels, 171, 200, method="area")
    assert np.abs(made[1, True] - reduced).max() < 1e-5  # at rest nothing is corrected


def test_a_portrait_that_changed_on_disk_is_read_again(child: Child, small: Path, tmp_path: Path) -> None:
    changing = tmp_path / "changing.png"
    changing.write_bytes(small.read_bytes())
    before = shown(child.ask(Preview, job(changing), 1, str(tmp_path), size=100)[0], (85, 100)).copy()
    srgb = read_picture(small, colorspace="linear").pixels[..., :3]
    write_png(changing, np.round(srgb * 200).astype(np.uint8))
    after = shown(child.ask(Preview, job(changing), 1, str(tmp_path), size=100)[0], (85, 100))
    assert after[..., :3].mean() < 0.8 * before[..., :3].mean()


@pytest.mark.parametrize(
    ("fields", "frame", "code", "sentence"),
    [
        ({"portrait": "missing.png"}, 1, 3, "missing.png"),
        ({"motion": "missing.npz"}, 1, 3, "missing.npz"),
        ({"colour": "red"}, 1, 3, "“colour” is no setting"),
        ({"face": 4}, 1, 4, "There is no face 4: 1 found"),
        ({"retarget": {"sparkle": 1}, "motion": "take"}, 1, 3, "sparkle"),
        ({"device": "tensorrt"}, 1, 7, "tensorrt"),
    ],
)
def test_a_preview_that_cannot_be_made_says_why(
    child: Child, small: Path, tmp_path: Path, fields: dict[str, Any], frame: int, code: int, sentence: str
) -> None:
    answer, _ = child.ask(Preview, job(small) | fields, frame, str(tmp_path), size=100)
    assert isinstance(answer, Error)
    assert (answer.code, sentence in answer.text) == (code, True), answer


def test_an_analysis_answers_face_landmarks_and_matte(child: Child, small: Path, tmp_path: Path) -> None:
    answer, before = child.ask(Analyse, str(small), str(tmp_path), longest=100)
    assert isinstance(answer, Result), answer
    data = answer.data
    assert (data["size"], data["face"], data["hand_placed"], len(data["faces"])) == ([224, 262], 1, False, 1)
    left, top, right, bottom = data["faces"][0]["box"]
    points = np.array(data["landmarks"])
    assert points.shape == (478, 3)
    assert (points[:, 0].min(), points[:, 1].max()) == pytest.approx((left, bottom), abs=8)
    matte = read_picture(data["matte"], colorspace="linear").pixels[..., 0]
    assert matte.shape == (100, 85)
    assert matte[int((top + bottom) / 2 * 100 / 262), int((left + right) / 2 * 85 / 224)] > 0.99
    assert matte[2, 2] < 0.1


def test_points_placed_by_hand_come_back_as_landmarks(child: Child, small: Path, tmp_path: Path) -> None:
    found, _ = child.ask(Analyse, str(small), str(tmp_path))
    assert isinstance(found, Result)
    moved = [[x + 2, y, z] for x, y, z in found.data["landmarks"]]
    answer, _ = child.ask(Analyse, str(small), str(tmp_path), points={"size": [224, 262], "landmarks": moved})
    assert isinstance(answer, Result), answer
    assert answer.data["hand_placed"] and answer.data["face"] is None
    assert np.allclose(answer.data["landmarks"], moved, atol=0.002)


def test_of_two_faces_none_is_chosen_unasked(child: Child, small: Path, tmp_path: Path) -> None:
    one = np.round(read_picture(small, colorspace="linear").pixels[..., :3] * 255).astype(np.uint8)
    pair = tmp_path / "pair.png"
    write_png(pair, np.concatenate([one, one[:, ::-1]], axis=1))
    answer, _ = child.ask(Analyse, str(pair), str(tmp_path))
    assert isinstance(answer, Result), answer
    assert (len(answer.data["faces"]), answer.data["face"], answer.data["landmarks"]) == (2, None, None)
    chosen, _ = child.ask(Analyse, str(pair), str(tmp_path), face=2)
    assert isinstance(chosen, Result), chosen
    assert chosen.data["face"] == 2
    assert min(x for x, _, _ in chosen.data["landmarks"]) > 200
    refused, _ = child.ask(Preview, job(pair), 1, str(tmp_path))
    assert isinstance(refused, Error) and refused.code == ExitCode.NO_FACE


def test_a_picture_without_a_face_says_so(child: Child, tmp_path: Path) -> None:
    write_png(tmp_path / "grey.png", np.full((90, 90, 3), 120, np.uint8))
    answer, _ = child.ask(Analyse, str(tmp_path / "grey.png"), str(tmp_path))
    assert isinstance(answer, Error)
    assert (answer.code, "place a few points by hand" in answer.text) == (ExitCode.NO_FACE, True)


def test_a_folder_that_cannot_be_written_is_named(child: Child, small: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    answer, _ = child.ask(Preview, job(small), 1, str(tmp_path / "file"), size=100)
    assert isinstance(answer, Error) and answer.code == ExitCode.OUTPUT


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("end", ["closed", "quit", "terminated"])
def test_it_ends_at_once_when_it_should(end: str) -> None:
    child = Child()
    child.hear()
    started = time.monotonic()
    if end == "quit":
        child.send(Quit)
    elif end == "terminated":
        child.process.send_signal(signal.SIGTERM)
    elif child.process.stdin:
        child.process.stdin.close()
        child.process.stdin = None
    assert child.process.wait(20) == 0
    assert time.monotonic() - started < 10
    assert child.process.stdout and child.process.stderr
    assert child.process.stderr.read() == ""
    for pipe in (child.process.stdin, child.process.stdout, child.process.stderr):
        if pipe:
            pipe.close()
