"""A sound strip of the sequencer as *Driven By*: the job gets its file, its start and its text."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import pytest
from gioconda.job.job import Job

HERE = Path(__file__).parent
SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, ARGS[0])
import studio
from bl_ext.user_default.gioconda.addon import job, preview, rig, session

found, folder = {}, Path(ARGS[1])
studio.empty_file()
tree = studio.portrait(folder, frames=30)
scene, settings = bpy.context.scene, tree.gioconda.rig

def use():
    try:
        bpy.ops.gioconda.use_sound_strip()
    except RuntimeError as error:
        return str(error)
    return session.state(tree).note

found["no strip"] = use()
def driven():
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strips.new_sound("Second", str(folder / "other.wav"), 2, 40)
    strip = strips.new_sound("Line 7", str(folder / "line.wav"), 1, 11)
    editor.active_strip = None
    found["said"] = use()
    found["rig"] = [settings.kind, settings.file, settings.file_start]
    settings.text, settings.language = str(folder / "line.txt"), "de"
    bpy.ops.gioconda.export_job(directory=str(folder / "export"))
    made = job.with_motion_file(job.still_job(tree, folder=folder, output="####.exr"), tree, scene, 11, 30)
    found["job"] = made.to_json()
    scene.frame_set(12)
    still = job.still_job(tree, folder=folder, output="####.exr")
    found["wanted"] = preview._request(preview.Live(tree.session_uid), tree, still)[1]
    settings.text = str(folder / "gone.txt")
    try:
        rig.voice_of(tree)
    except Exception as error:
        found["no text"] = str(error)
    try:
        rig.bake(tree, scene, [1])
    except Exception as error:
        found["baked"] = str(error)
    settings.text, settings.file = "", str(folder / "turn.bvh")
    found["no sound"] = rig.voice_of(tree)
    strip.sound.pack()
    found["packed"] = use()

if bpy.app.build_options.audaspace:
    driven()
else:
    found["skip"] = "this Blender was built without sound"
result(found)
"""


@pytest.fixture(scope="module")
def told(blender: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """What the script found, and its folder."""
    folder = tmp_path_factory.mktemp("sound")
    for name in ("line.wav", "other.wav"):
        with wave.open(str(folder / name), "wb") as sound:
            sound.setparams((1, 2, 16_000, 0, "NONE", ""))
            sound.writeframes(bytes(32_000))
    (folder / "line.txt").write_text("good morning", encoding="utf-8")
    (folder / "turn.bvh").write_text("HIERARCHY", encoding="utf-8")
    found = blender.run(SCRIPT, HERE, folder, folder=folder, timeout=300)
    if "skip" in found:
        pytest.skip(found["skip"])
    return found, folder


def test_the_strip_becomes_what_drives_the_portrait(told: Any) -> None:
    found, folder = told
    assert found["rig"] == ["FILE", str(folder / "line.wav"), 11]
    assert "“Line 7” drives the portrait from frame 11 on." in found["said"]


def test_job_export_and_preview_have_the_voice(told: Any) -> None:
    found, folder = told
    job = Job.from_json(found["job"])
    assert (job.motion, job.motion_start, job.frames) == (str(folder / "line.wav"), 11, "11-30")
    assert (job.text, job.language) == (str(folder / "line.txt"), "de")
    exported = Job.from_json((folder / "export" / "job.json").read_text(encoding="utf-8"))
    assert (exported.motion, exported.text) == ("motion.wav", "text.txt")
    assert (folder / "export" / "text.txt").read_text(encoding="utf-8") == "good morning"
    assert "line.txt" in found["wanted"] and '"de"' in found["wanted"]
    assert found["no sound"] == {}


def test_what_is_missing_is_said(told: Any) -> None:
    found, _ = told
    assert "no sound in this scene's sequencer" in found["no strip"]
    assert "gone.txt" in found["no text"] and "Spoken Text" in found["no text"]
    assert "is inside the .blend: unpack it" in found["packed"]
