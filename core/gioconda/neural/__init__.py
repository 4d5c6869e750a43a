"""The neural part at run time: what the networks see of a frame, running them, laying their corrections over the frame.

numpy and the engine only; ONNX Runtime by way of `face.runtime`. Training lives in `training/` and shares `tone`,
`crops` and `features`, so that networks see the same thing when they learn and when they work.
"""
