"""Other programs' motion files → `Motion`. Standard library and numpy only; hostile input must not hang it.

`text.py` tables and JSON within limits · `archive.py` .npz within limits · `arkit.py` Apple's 52 channels: Live Link
Face, any ARKit table or JSON, Audio2Face · `points.py` landmarks: OpenFace, Py-Feat, the 478-point mesh, named rig
points · `bvh.py` skeletons · `timing.py` frame numbers, timecodes, gaps.
"""
