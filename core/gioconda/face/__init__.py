"""Portrait analysis: where the face is, its 478 points, what is person, and the matte and plate made from that.

`analyse` is the way in. `detector`, `landmarker` and `segmenter` hold one network each; `search` finds faces in steps
of growing effort and `plausibility` checks them; `hand_placed` takes points from a person; `tracker` follows a face
through a clip; `matte` cuts the person out. Nothing here knows Blender, files of pictures, or colour management:
pictures come in as (H, W, 3) uint8 sRGB.
"""
