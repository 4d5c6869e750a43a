"""Who may animate whom, who made a sequence, and what a file from a stranger may reach."""
