"""`python core …`: the command line with nothing installed. Running this folder puts exactly it on the path."""

import sys

from gioconda.cli.main import main

sys.exit(main())
