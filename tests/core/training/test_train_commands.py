"""Training's words: settings from YAML, and what is said when they cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from gioconda.errors import InputError, SettingsError

pytest.importorskip("torch", reason="training needs PyTorch: pip install gioconda[train]")

from gioconda.training.commands import load_config  # noqa: E402
from gioconda.training.objectives import PartTraining  # noqa: E402
from gioconda.training.paper.train import PaperTraining  # noqa: E402


def test_what_a_settings_file_does_not_name_keeps_its_default(tmp_path: Path) -> None:
    path = tmp_path / "mouth.yaml"
    path.write_text("batch: 3\nadversarial: 0.02\n", encoding="utf-8")
    config = load_config(path, PartTraining)
    assert (config.batch, config.adversarial, config.part) == (3, 0.02, "head")
    assert load_config(None, PartTraining).batch == 8


def test_a_setting_that_does_not_exist_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mouth.yaml"
    path.write_text("bach: 3\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="bach"):
        load_config(path, PartTraining)
    with pytest.raises(InputError, match="read"):
        load_config(tmp_path / "none.yaml", PaperTraining)
