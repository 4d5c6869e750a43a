"""Which part of a rig drives what: auto-mapping, presets, the mapping table."""
