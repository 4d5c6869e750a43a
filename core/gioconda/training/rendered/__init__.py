"""Training pairs from rendered heads: ICT-FaceKit's morphable head, textured by projection from a still.

What real pictures lack is exact here: two looks of one person under one light, and where every place of the skin went.
Not used at run time.
"""
