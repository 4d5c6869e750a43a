"""Talking to and being a worker process: messages, requests, the server that answers them. Knows no pictures."""
