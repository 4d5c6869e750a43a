"""A prepared portrait that follows a face as it moves: packets or a camera in, pictures out."""
