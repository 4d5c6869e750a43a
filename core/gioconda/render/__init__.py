"""A job from first frame to last: open its inputs, render, write frames in order; previews and caches."""
