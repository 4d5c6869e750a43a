"""`python -m gioconda.native [--all | platform…]`: compile the kernels; without a name for this machine."""

import sys

from .build import TARGETS, build, this_platform

named = sys.argv[1:] or [this_platform()]
for target in TARGETS if named == ["--all"] else named:
    print(build(target))
