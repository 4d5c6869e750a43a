"""Other people's image-driven models: files the user supplies, driven by the engine's own frames.

`catalogue` knows which engines there are (engines.yaml), `folder` whether the user's files are the ones that were
stated, `net` runs one of them, `engine` says what an adapter offers, `liveportrait` is the first one, `painter` lays
what an engine paints over a frame. Nothing is downloaded and nothing of theirs ships.
"""
