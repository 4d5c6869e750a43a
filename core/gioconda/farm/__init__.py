"""A plan for engines that schedule across machines: Open Job Description, Deadline Cloud, Flamenco, OpenCue, shell.

Nothing here schedules or talks to a server: it writes a folder that the engine's own tools take.
"""
