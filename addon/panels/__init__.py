"""The Gioconda tab of the node editor, the 3D view and the Image Editor. Panels draw, nothing else."""
