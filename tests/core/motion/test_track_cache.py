"""A video is tracked once; the same bytes find the motion again, others do not."""

from __future__ import annotations

from pathlib import Path

import gioconda
import numpy as np
import pytest
from gioconda.errors import InputError
from gioconda.motion import track_cache
from gioconda.motion.motion import Motion


def test_a_kept_motion_is_found_again_as_it_was(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"frames")
    points = np.random.default_rng(1).random((3, 478, 3), np.float32)
    motion = Motion(24.0, np.arange(3, dtype=np.int32), landmarks=points, size=(64, 48))
    key = track_cache.key_of(clip, ["a", "b"], "largest")
    assert track_cache.load(tmp_path / "cache", key) is None
    track_cache.save(tmp_path / "cache", key, motion)
    found = track_cache.load(tmp_path / "cache", track_cache.key_of(clip, ["b", "a"], "largest"))
    assert found is not None
    assert np.array_equal(found.landmarks, points)
    assert (found.fps, found.size) == (24.0, (64, 48))


def test_another_clip_other_nets_another_face_are_tracked_anew(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"frames")
    keys = {
        track_cache.key_of(clip, ["a"], "largest"),
        track_cache.key_of(clip, ["b"], "largest"),
        track_cache.key_of(clip, ["a"], 2),
    }
    clip.write_bytes(b"other frames")
    assert len(keys | {track_cache.key_of(clip, ["a"], "largest")}) == 4
    with pytest.raises(InputError, match="cannot be read"):
        track_cache.key_of(tmp_path / "none.mp4", [], None)


def test_another_engine_tracks_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"frames")
    before = track_cache.key_of(clip, [], None)
    monkeypatch.setattr(track_cache, "ENGINE_VERSION", gioconda.ENGINE_VERSION + 1)
    assert track_cache.key_of(clip, [], None) != before


def test_a_damaged_entry_is_no_entry(tmp_path: Path) -> None:
    (tmp_path / "track-x.npz").write_bytes(b"PK\x03\x04 cut off")
    assert track_cache.load(tmp_path, "x") is None
