"""A recorded voice to a face motion: phones and their times, visemes, and what a speaker's head, brows and lids do."""
