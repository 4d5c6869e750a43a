"""The user's own folder for keys, remembered statements and the policy. Standard library only.

One of two places that read the environment, like the one for models.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "GIOCONDA_CONFIG"  # of the environment: a folder to use instead of the user's own
POLICY_VARIABLE = "GIOCONDA_POLICY"  # of the environment: the studio's policy file
POLICY_FILE = "policy.yaml"


def config_folder() -> Path | None:
    """$GIOCONDA_CONFIG, else where this system keeps a user's settings; None for a user without a home."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming") / "gioconda"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "gioconda"
    return Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "gioconda"


def policy_file() -> Path | None:
    """$GIOCONDA_POLICY, else policy.yaml in /etc/gioconda or in the user's folder; None where there is none."""
    named = os.environ.get(POLICY_VARIABLE)
    if named:
        return Path(named)
    system = Path("/etc/gioconda") if os.name == "posix" else Path(os.environ.get("PROGRAMDATA", "")) / "gioconda"
    own = config_folder()
    places = [system / POLICY_FILE, *([own / POLICY_FILE] if own else [])]
    return next((place for place in places if place.is_file()), None)
