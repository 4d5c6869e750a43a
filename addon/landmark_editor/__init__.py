"""Landmarks in the Image Editor: how the .blend stores them, the overlay that shows them, moving them by mouse."""
