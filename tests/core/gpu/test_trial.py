"""`--device auto` takes a card only where it was faster here; ONNX Runtime's processor stands for the card."""

from __future__ import annotations

from pathlib import Path

import pytest
from gioconda.engine import Portrait, prepare
from gioconda.gpu import choice, device, trial
from gioconda.job.job import TAKE, Job
from gioconda.worker.messages import Message

QUICK = trial.Trial("cpu", 75_000, "off", card=0.01, processor=0.02, first=0.5)


@pytest.fixture(scope="module")
def head(small) -> Portrait:  # type: ignore[no-untyped-def]
    """A part of the sitter."""
    part = small.cropped(7, 11, 250, 284)
    return prepare(part.source, part.landmarks, part.matte)


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is reported; trials are kept in a folder of this test's own."""
    monkeypatch.setenv("GIOCONDA_CACHE", str(tmp_path))
    monkeypatch.setattr(device, "graphics_device", lambda wanted: "cpu")
    return []


def opened(portrait: Portrait, said: list[str], asked: str = "auto") -> bool:
    """Whether a job's frames are the card's."""

    def report(message: Message) -> None:
        said.append(getattr(message, "text", ""))

    job = Job("portrait.png", TAKE, "####.exr", neural="off", device=asked, threads=1)
    return choice.open_renderer(job, portrait, None, report) is not None


def test_a_card_is_tried_once_and_never_taken_when_it_is_slower(
    head: Portrait, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(head, said)
    [found] = trial.kept().values()
    assert min(found.card, found.processor, found.first) > 0
    assert (found.networks, found.pixels) == ("off", head.width * head.height)

    slow = trial.Trial("cpu", 75_000, "off", card=0.03, processor=0.02, first=0.5)
    name = trial.key("cpu", head.width * head.height, "off", 1)
    trial.keep(name, slow)
    monkeypatch.setattr(trial, "measured", None)  # a second trial would fail
    assert not opened(head, said)
    assert "30 ms a frame (the first 0.5 s), the processor 20 ms: auto takes the processor" in said[-1]
    trial.keep(name, QUICK)
    assert opened(head, said)
    trial.keep(name, slow)
    assert opened(head, said, "cuda")  # asked for: not tried


def test_another_driver_or_engine_is_tried_again(
    head: Portrait, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []
    monkeypatch.setattr(trial, "measured", lambda *given: tried.append(given) or QUICK)
    assert opened(head, said) and opened(head, said)
    assert len(tried) == 1
    monkeypatch.setattr(trial, "card_and_driver", lambda device: ["a card", "driver 2"])
    assert opened(head, said)
    monkeypatch.setattr(trial, "ENGINE_VERSION", -1)
    assert opened(head, said) and opened(head, said)
    assert len(tried) == 3 and len(trial.kept()) == 3


def test_a_broken_file_is_no_trial(said: list[str], tmp_path: Path) -> None:
    (tmp_path / trial.FILE).write_text('{"a": 3}', encoding="utf-8")
    assert trial.kept() == {}


def test_a_card_that_takes_long_to_begin_is_not_taken() -> None:
    assert QUICK.faster
    assert not trial.Trial("webgpu", 1, "fast", card=0.01, processor=0.02, first=trial.SECONDS + 1).faster
