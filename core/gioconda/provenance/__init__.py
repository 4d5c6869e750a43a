"""Who may animate whom, who made a sequence, and what an untrusted job file may reach."""
