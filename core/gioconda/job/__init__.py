"""What is asked for: a job, its settings and passes, frame ranges, the statement of rights. Standard library only."""
