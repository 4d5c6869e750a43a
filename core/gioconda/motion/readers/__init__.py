"""Other programs' motion files → `Motion`. Standard library and numpy only; hostile input must not hang it.

`text.py` tables and JSON within limits · `archive.py` .npz within limits · `arkit.py` Apple's 52 channels: Live Link
Face, any ARKit table or JSON, Audio2Face · `phone_apps.py` Face Cap, iFacialMocap · `points.py` landmarks: OpenFace,
Py-Feat, the 478-point mesh, named rig points · `action_units.py` OpenFace and Py-Feat without landmarks · `bvh.py`
skeletons · `persons.py` whose rows they are · `timing.py` frame numbers, time stamps, timecodes, gaps.
"""
