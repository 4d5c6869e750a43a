"""Gioconda's engine: a portrait and a face motion become pictures. Knows nothing of Blender.

Import `gioconda`, never `core`. Sub-modules are imported where they are used, so that `job`, `landmarks` and
`motion` stay light enough for Blender's own Python.
"""

__version__ = "0.1.0"
