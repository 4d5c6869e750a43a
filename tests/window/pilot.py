"""Runs inside Blender: does what the walk asks, one Python text at a time, between two redraws of the window."""

import json
import sys
import traceback
from pathlib import Path
from typing import Any

import bpy

FOLDER = Path(sys.argv[sys.argv.index("--") + 1])
NAMES: dict[str, Any] = {"bpy": bpy}
EVERY = 0.1  # seconds between two looks


def look() -> float:
    """Take the request, if there is one; its variable `answer` is what goes back."""
    request = FOLDER / "request.py"
    if request.exists():
        code = request.read_text(encoding="utf-8")
        request.unlink()
        NAMES["answer"] = None
        try:
            with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
                exec(code, NAMES)
            reply = {"answer": NAMES["answer"]}
        except Exception:  # whatever it is, the walk has to hear of it
            reply = {"error": traceback.format_exc()}
        part = FOLDER / "reply.part"
        part.write_text(json.dumps(reply), encoding="utf-8")
        part.rename(FOLDER / "reply.json")
    return EVERY


bpy.app.timers.register(look, first_interval=1.0, persistent=True)
