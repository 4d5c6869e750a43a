"""The networks: which there are (`registry`), running them (`runtime`), their weights (`onnx_weights`).

Knows nothing of pictures. The files lie in `onnx_models/`; MediaPipe's were made by `onnx_models/convert`.
"""

from __future__ import annotations

from .registry import Model, load_registry, model_path, models_folder

__all__ = ["Model", "load_registry", "model_path", "models_folder"]
