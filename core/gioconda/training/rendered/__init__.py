"""Training pairs from rendered heads: ICT-FaceKit's morphable head, textured by projection from a still.

Exact here, unlike in photographs: two pictures of one person under one light, and where each point of the skin moved.
Not used at run time.
"""
