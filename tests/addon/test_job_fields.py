"""What was chosen in the Output panel stands in the job, for Render and in an exported folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gioconda.job.passes import PASSES

pytestmark = pytest.mark.timeout(400)
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def jobs(blender: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """What job_fields.py found, and its folder."""
    folder = tmp_path_factory.mktemp("jobs")
    return blender.run(HERE / "job_fields.py", HERE, folder, folder=folder), folder


def test_networks_and_identity_stand_in_the_job(jobs: Any) -> None:
    found, folder = jobs
    identity = str(folder / "person.identity.npz")
    assert found["written"]["untouched"] == ["auto", None, None]
    assert found["written"]["identity"] == ["auto", identity, None]
    assert found["written"]["fast and identity"] == ["fast", identity, None]


def test_an_identity_counts_only_with_networks(jobs: Any) -> None:
    found, _ = jobs
    assert found["written"]["off"] == ["off", None, None]
    assert found["written"]["off, and the identity is gone"] == ["off", None, None]


def test_an_engine_takes_the_networks_place(jobs: Any) -> None:
    found, folder = jobs
    engine = str(folder / "others")
    assert found["written"]["engine"] == ["off", None, engine]
    assert found["exported"]["engine"][0] == ["off", None, engine]
    assert "--allow-outside" in (folder / "engine" / "README.txt").read_text(encoding="utf-8")


def test_an_exported_job_takes_its_identity_along(jobs: Any) -> None:
    found, folder = jobs
    fields, files = found["exported"]["fast and identity"]
    assert fields == ["fast", "identity.npz", None]
    assert "identity.npz" in files
    assert (folder / "fast and identity" / "identity.npz").read_bytes() == b"whom the networks know"
    assert "--allow-outside" not in (folder / "fast and identity" / "README.txt").read_text(encoding="utf-8")


def test_networks_of_an_exported_job_are_settled_by_the_identity_else_they_are_the_fast_ones(jobs: Any) -> None:
    found, _ = jobs
    assert found["exported"]["untouched"][0] == ["fast", None, None]
    assert found["exported"]["identity"][0] == ["auto", "identity.npz", None]


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("identity beside an unsaved file", "The identity //person.identity.npz is beside a .blend that was never"),
        ("engine beside an unsaved file", "The engine //others is beside a .blend that was never saved"),
        ("missing identity", "person.identity.npz: choose it again, or make it with `gioconda personalise`."),
    ],
)
def test_a_path_that_cannot_be_used_gives_a_sentence_before_rendering(jobs: Any, what: str, says: str) -> None:
    sentence = jobs[0]["sentences"][what]
    assert says in sentence
    assert "\n" not in sentence


def test_the_preview_looks_again_when_networks_or_identity_change(jobs: Any) -> None:
    texts = [jobs[0]["looks"][name] for name in ("untouched", "identity", "fast and identity", "off")]
    assert len(set(texts)) == len(texts)


def test_settings_that_the_node_takes_as_the_job_declares_them_stand_in_the_job(jobs: Any) -> None:
    assert jobs[0]["declared"] == {"draft": True, "full_float": True}


def test_a_blend_file_stores_a_pass_by_the_tables_bit(jobs: Any) -> None:
    assert jobs[0]["bits"] == {name: 1 << one.bit for name, one in PASSES.items()}
