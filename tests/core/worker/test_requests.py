"""What a worker is asked survives the trip; whatever does not fit is refused with a sentence."""

from __future__ import annotations

import os
import threading

import pytest
from gioconda.errors import SettingsError
from gioconda.worker.requests import (
    REQUESTS,
    Analyse,
    Cancel,
    Preview,
    Quit,
    Render,
    Warm,
    from_line,
    from_plain,
    id_of,
    to_line,
)
from gioconda.worker.server import lines_of

REQUEST_OF_EACH_KIND = (
    Analyse(1, "a.png", "/tmp", points={"points": {"chin": [4, 5]}}, longest=512),
    Preview(2, {"portrait": "a.png", "motion": "rest", "output": "####.exr"}, 12, "/tmp", subject="node 3"),
    Render(6, {"portrait": "a.png"}, delivery={"formats": ["exr"]}, manifest="m.jsonl"),
    Warm(3, device="cpu"),
    Cancel(4, which=2),
    Quit(5),
)


def test_every_request_survives_the_trip() -> None:
    assert {type(request) for request in REQUEST_OF_EACH_KIND} == set(REQUESTS.values())
    assert [from_line(to_line(request)) for request in REQUEST_OF_EACH_KIND] == list(REQUEST_OF_EACH_KIND)


def test_a_request_written_by_hand_needs_little() -> None:
    assert from_plain({"request": "warm", "id": 1}) == Warm(1)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{", "no JSON"),
        ("[1]", "one JSON object"),
        ('{"id": 1}', "There is no request “None”; there are analyse, preview"),
        ('{"request": "paint", "id": 1}', "no request “paint”"),
        ('{"request": "warm"}', "lacks “id”"),
        ('{"request": "warm", "id": 1, "colour": 2}', "“colour” is no setting"),
        ('{"request": "preview", "id": 1, "job": {}, "frame": 1.5, "folder": "."}', "“frame” cannot be 1.5"),
    ],
)
def test_a_request_that_cannot_be_used_says_why(line: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        from_line(line)


def test_the_id_of_a_bad_request_is_known_where_it_has_one() -> None:
    assert id_of('{"request": "paint", "id": 7}') == 7
    assert [id_of(line) for line in ("{", "[1]", "{}", '{"id": "x"}')] == [None] * 4


@pytest.mark.parametrize("line", ["[" * 200_000, '{"id": 1, "a": ' + "[" * 200_000, '{"id": ' + "9" * 5000 + "}"])
def test_a_line_of_lists_in_lists_is_a_mistake_like_any_other(line: str) -> None:
    with pytest.raises(SettingsError):
        from_line(line)
    assert id_of(line) is None


def test_a_long_line_is_put_together_once() -> None:
    read_end, write_end = os.pipe()
    text = b"x" * 3_000_000
    thread = threading.Thread(target=lambda: (os.write(write_end, b"a\nb"), _write_all(write_end, text + b"\nc\n")))
    thread.start()
    assert list(lines_of(read_end)) == ["a", "b" + text.decode(), "c"]
    thread.join()
    os.close(read_end)


def _write_all(descriptor: int, data: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
