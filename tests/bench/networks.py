"""Networks that are not shipped yet, in the place of those that are: a models folder of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml
from gioconda.files import file_sha256
from gioconda.models.registry import REGISTRY_FILE, load_registry

PREFIX = "neural_"


def folder_with(networks: Path, models: Path, folder: Path) -> Path:
    """A models folder like `models`, with the ONNX files of `networks` in the place of those of the same name.

    Files are linked, hashes are those of what is there now; whatever the registry does not know is left out.

    Args:
        networks: what `gioconda train export` wrote.
        folder: becomes the models folder; its former links and list are replaced.

    Raises:
        FileNotFoundError: `networks` holds none that the registry knows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    listed = yaml.safe_load((models / REGISTRY_FILE).read_text(encoding="utf-8"))
    mine = {path.name: path for path in sorted(networks.glob("*.onnx"))}
    if not any(entry["file"] in mine for entry in listed["models"]):
        raise FileNotFoundError(f"{networks} holds no network that {models / REGISTRY_FILE} knows")
    for entry in listed["models"]:
        link = folder / entry["file"]
        link.unlink(missing_ok=True)
        source = mine.get(entry["file"], models / entry["file"])
        if source.exists():
            link.symlink_to(source.resolve())
        if entry["file"] in mine:
            entry["sha256"] = file_sha256(source)
    (folder / REGISTRY_FILE).write_text(yaml.safe_dump(listed, sort_keys=False), encoding="utf-8")
    return folder


def there(quality: str, models: Path) -> bool:
    """Whether both networks of a quality ("fast", "full") are listed and their files are in the folder."""
    known = load_registry(models)
    names = (f"{PREFIX}{quality}", f"{PREFIX}{quality}_person")
    return all(name in known and (models / known[name].file).exists() for name in names)


def hashes(models: Path) -> Mapping[str, str]:
    """File name → SHA-256 of every correction network in the folder, as the registry has it."""
    known = load_registry(models).values()
    return {model.file: model.sha256 for model in known if model.task == "correction"}
