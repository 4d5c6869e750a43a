"""A rig of bones built on the portrait: its controls, their shapes, their assembly."""
