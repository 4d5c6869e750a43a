"""Does a mapping work: play it, and pull at the parts of a copy of the rig."""
