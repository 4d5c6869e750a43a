"""Job and batch files that version 0.1 wrote or read are read as it read them."""

from __future__ import annotations

from pathlib import Path

from gioconda.batch.settings import Delivery, Match, Override, Source, read_batch, read_job
from gioconda.job.job import Job

FILES = Path(__file__).resolve().parents[2] / "data" / "version_0_1"


def test_a_job_of_version_0_1_with_every_option() -> None:
    assert read_job(FILES / "job.json") == Job(
        "/shot/portrait.png",
        "/shot/take.bvh",
        "/shot/out/####.exr",
        frames="1-100x2,120",
        neutral=7,
        fps=23.976,
        face=2,
        points="/shot/points.json",
        matte="/shot/matte.png",
        plate="/shot/plate.png",
        passes=("Combined", "UV", "Confidence"),
        full_float=True,
        compression="zip:2",
        colorspace="ACEScg",
        ocio="/shot/config.ocio",
        device="cpu",
        threads=4,
        neural="fast",
        identity="/shot/ada.identity.npz",
        review="/shot/look.mp4",
        sheet="/shot/sheet.png",
        png=True,
        placeholders=True,
        models="/shot/nets",
        cache="/shot/cache",
        consent={"right": "licensed", "who": "Example Studio", "text": "contract 7"},
        keys="/shot/keys",
        retarget={"neutralise": 0.5, "lock_scale": False, "smoothing": "one_euro", "lips": 1.2, "lids": 0.8},
    )


def test_a_job_of_version_0_1_with_no_option() -> None:
    job = read_job(FILES / "job_at_rest.json")
    assert job == Job("/shot/portrait.png", "rest", "/shot/out/####.exr", neural=job.neural)


def test_a_batch_of_version_0_1() -> None:
    batch = read_batch(FILES / "batch.yaml")
    assert batch.portraits == (
        Source(str(FILES / "portraits" / "*.png")),
        Source(str(FILES / "queen.png"), "queen"),
    )
    assert batch.motions == (Source("take"), Source(str(FILES / "takes" / "**" / "*.csv")))
    assert batch.output == str(FILES / "out/{portrait}/{motion}/####.exr")
    assert batch.exclude == (Match("group_*", "take"),)
    assert batch.settings == {
        "passes": ["Combined", "Matte"],
        "points": str(FILES / "points/{portrait}.json"),
        "frames": 7,
        "consent": {"right": "own_work", "who": "Ada"},
        "retarget": {"lips": 1.2, "neutralise": 1},
    }
    assert batch.overrides == (Override("queen", "*", {"face": "largest", "neural": "off"}),)
    assert batch.delivery == Delivery(("exr", "webm", "atlas"), 256, "matte")
    assert (batch.attempts, batch.keep_going) == (2, True)
