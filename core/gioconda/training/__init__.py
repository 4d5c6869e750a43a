"""Training the networks: data made with the engine, the networks themselves, losses, loops, export.

The only folder that imports torch. Nothing outside it imports it but the commands `train` and `personalise`.
"""
