"""The networks on disk: what they are, where they come from, and how they become ONNX. Knows nothing of pictures.

`registry` knows every network and checks its hash; `fetch` gets the originals; `tflite_graph`, `onnx_graph`,
`operators`, `attention` and `convert` turn TensorFlow Lite into ONNX; `build` does all of it once (`gioconda models`).

The packages `onnx` and `tflite` are needed to build the networks, never to run them: only `build_models` loads them.
"""

from __future__ import annotations

from .build import build_models
from .registry import Model, default_models_folder, load_registry, model_path

__all__ = ["Model", "build_models", "default_models_folder", "load_registry", "model_path"]
