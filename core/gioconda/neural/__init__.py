"""The correction networks at run time: what they see of a frame, running them, applying their corrections to the frame.

numpy and the engine only; ONNX Runtime by way of `models.runtime`. Training lives in `training/` and shares `encoding`,
`crops` and `features`, so that networks see the same thing when they learn and when they work.
"""
