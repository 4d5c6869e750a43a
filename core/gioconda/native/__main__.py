"""`python -m gioconda.native`: compile the kernels for this machine; with --all for every platform."""

import sys

from .build import TARGETS, build, this_platform

for target in TARGETS if "--all" in sys.argv[1:] else (this_platform(),):
    print(build(target))
