"""References: pictures of the person are handed to the core's few-shot learning, its answer to the portrait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
SCRIPT = """
import json, sys
from pathlib import Path
sys.path.insert(0, ARGS[0])
import studio
from bl_ext.user_default.gioconda.addon import references, session

found, folder = {}, Path(ARGS[1])
studio.empty_file()
tree = studio.portrait(folder)
settings, record = tree.gioconda, session.state(tree)

def learned(**said):
    try:
        bpy.ops.gioconda.learn_person(**said)
    except RuntimeError as error:
        return str(error)
    return record.note

found["no references"] = learned()
for number in range(3):
    (folder / f"face {number}.png").write_bytes(studio.small_picture(folder).read_bytes())
files = [{"name": f"face {number}.png"} for number in range(3)]
bpy.ops.gioconda.add_references(directory=str(folder), files=files)
bpy.ops.gioconda.add_references(directory=str(folder), files=files[:1])
found["paths"] = [one.path for one in settings.references]
bpy.ops.gioconda.remove_reference(index=2)
found["unsaved"] = learned()
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
tree = bpy.data.node_groups[tree.name]
settings, record = tree.gioconda, session.state(tree)
found["without PyTorch"] = learned()

program = '''
import json, sys
sys.path.insert(0, CORE)
from gioconda.worker import messages as m
out = [m.Hello(m.__version__), m.Stage("learn", "Learning"), m.Progress(50, 100), m.Warn("They are alike."),
       m.Result("personalise", {"steps": STEPS, "before": 0.5, "after": 0.4, "text": "Done"})]
open(sys.argv[sys.argv.index("-o") + 1], "w").write("known")
json.dump(sys.argv[1:], open(LOG, "w"))
report = m.JsonLines(sys.stdout)
for each in out:
    report(each)
'''
core = str(references.interpreter.CORE)

def answering(steps):
    text = program.replace("CORE", repr(core)).replace("STEPS", str(steps))
    text = text.replace("LOG", repr(str(folder / "words.json")))
    (folder / "fake.py").write_text(text)
    _, environment = real()
    return [sys.executable, str(folder / "fake.py")], environment

real = references.interpreter.command
settings.neural = "off"
references.interpreter.command = lambda: answering(12)
found["learned"] = learned()
found["identity"], found["neural"] = settings.identity, settings.neural
found["words"] = json.loads((folder / "words.json").read_text())
references.interpreter.command = lambda: answering(0)
found["nothing learned"] = learned()
(folder / "face 1.png").unlink()
found["missing"] = learned()
result(found)
"""


@pytest.fixture(scope="module")
def told(blender: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """What the script found, and its folder."""
    folder = tmp_path_factory.mktemp("references")
    return blender.run(SCRIPT, HERE, folder, folder=folder, timeout=300), folder


def test_what_is_missing_is_said(told: Any) -> None:
    found, _ = told
    assert "Add pictures of the person first" in found["no references"]
    assert "Save the .blend first" in found["unsaved"]
    assert "pip install gioconda[train]" in found["without PyTorch"]
    assert "There is no reference" in found["missing"] and "face 1.png" in found["missing"]


def test_a_picture_is_listed_once(told: Any) -> None:
    found, folder = told
    assert [Path(path).name for path in found["paths"]] == ["face 0.png", "face 1.png", "face 2.png"]


def test_the_core_gets_portrait_and_references_and_the_portrait_what_was_learned(told: Any) -> None:
    found, folder = told
    command, portrait, *rest = found["words"]
    assert command == "personalise" and Path(portrait).is_file()
    assert [Path(path).name for path in rest[:2]] == ["face 0.png", "face 1.png"]
    assert rest[2:] == ["-o", str(folder / "Gioconda_Portrait.identity.npz"), "--json"]
    assert found["identity"] == "//Gioconda_Portrait.identity.npz" and found["neural"] == "auto"
    assert "fell by 20 %" in found["learned"] and "They are alike." in found["learned"]
    assert "nothing new" in found["nothing learned"]
