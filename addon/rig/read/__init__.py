"""Reading a rig frame by frame: what is read, where it plays meanwhile, and the motion it becomes."""
