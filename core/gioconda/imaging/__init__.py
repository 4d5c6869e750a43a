"""Pictures as arrays: files in and out, colour, EXR, video, resampling, drawing. Knows no faces and no jobs."""
