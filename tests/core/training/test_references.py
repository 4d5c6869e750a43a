"""Pictures that a person is learned from: out of clips, and told when they are too alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from gioconda.engine import Portrait
from gioconda.imaging.video import VideoWriter
from gioconda.training.references import ALIKE, FRAMES, pictures_of, unlike


def test_of_a_clip_some_frames_are_taken_evenly(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "clip.mp4", 64, 64, 25.0) as video:
        for grey in range(0, 250, 5):
            video.write(np.full((64, 64, 3), grey, np.uint8))
    pictures = pictures_of(str(tmp_path / "clip.mp4"), None, lambda message: None)
    steps = np.diff([float(picture.mean()) for picture in pictures])
    assert len(pictures) == FRAMES and steps.min() > 25 and steps.max() < 45


def test_another_expression_is_unlike_and_the_same_picture_is_not(portrait: Portrait) -> None:
    smiling = replace(portrait, head=portrait.head + np.where(np.arange(478)[:, None] < 400, 0.03, 0.0))
    assert unlike([portrait, portrait]) == 0
    assert unlike([portrait, smiling, portrait]) > ALIKE
