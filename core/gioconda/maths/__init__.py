"""Numerical methods that know nothing of faces: numpy only."""
