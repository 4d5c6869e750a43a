"""External engines: somebody else's image-driven model, from files the user supplies, driven by our own frames.

`catalogue` says which files LivePortrait needs, `folder` whether the user's files are the ones that were stated,
`network` runs one of them, `liveportrait` drives them, `composite` adds their change to a frame. Nothing is downloaded.
"""
