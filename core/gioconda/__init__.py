"""Gioconda's engine: a portrait and a face motion become pictures. Knows nothing of Blender.

Import `gioconda`, never `core`. Sub-modules are imported where they are used, so that `job`, `landmarks` and
`motion` stay light enough for Blender's own Python.
"""

import os

# Read by ONNX Runtime when it is imported, which from 1.32 on otherwise keeps a device id and a queue of events in the
# user's cache folder and sends them. Set here, because no module of ours, in no process, is imported before this one.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# Read by OpenCV when it first asks for Intel's library of fast paths, whose results depend on the processor. What
# `imaging.resample` switches off at run time is off in one thread alone.
os.environ["OPENCV_IPP"] = "disabled"

__version__ = "0.1.0"

# Counted up by every change after which a portrait, a track or a frame comes out otherwise. Part of every cache and
# resume key; the golden crops (tests/golden) fail when pixels change and this number does not.
ENGINE_VERSION = 5
