"""The command line: every command and option, messages for people, errors as a sentence and an exit status."""
