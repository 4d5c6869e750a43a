"""Would the golden crops notice? One constant at a time is changed in a copy of the checkout, and the tests run there.

make mutations       prints killed or survived for each; a survivor ends it with 1
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENGINE = "core/gioconda/engine"
# What → file, pattern that is there exactly once, what its match becomes.
MUTATIONS = {
    "no grain on lids": (f"{ENGINE}/lid_skin.py", r"0\.9(?= \* \(np\.clip\(moved)", "0.0"),
    "no lash line": (f"{ENGINE}/lids.py", r"0\.95(?= \* np\.maximum\(lid\.lashes)", "0.0"),
    "the upper lid's share of a closing eye": ("core/gioconda/motion/regions.py", r"(?m)^(\w+ = )0\.85\b", r"\g<1>0.5"),
    "dimmer teeth": (f"{ENGINE}/mouth/colours.py", r"(?m)^(_ENAMEL = )0\.77", r"\g<1>0.4"),
    "a mouth without light from its walls": (f"{ENGINE}/mouth/light.py", r"(?m)^(_GAMMA = )0\.57\b", r"\g<1>1.2"),
    "eyeballs only near frontal": (f"{ENGINE}/eyes.py", r"(?<=\) < )EDGE_ON\b", "0.9"),  # 0.02 in patch.py
    "Confidence ignores visibility": (f"{ENGINE}/frame.py", r"0\.7 \*(?= \(1 - \w+\.\w+\.visible)", "0.0 *"),
}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("core", "tests", "pyproject.toml"):
            source = ROOT / part
            shutil.copytree(source, copy / part) if source.is_dir() else shutil.copy2(source, copy / part)
        if run_tests(copy):
            print("The golden crops fail as it is: nothing can be said.", file=sys.stderr)
            return 2
        survived = [what for what, mutation in MUTATIONS.items() if not killed(copy, what, *mutation)]
    return 1 if survived else 0


def mutated(folder: Path, file: str, pattern: str, replacement: str) -> tuple[str, str]:
    """A file's text before and after. Raises: ValueError: the pattern is not there exactly once."""
    text = (folder / file).read_text(encoding="utf-8")
    changed, count = re.subn(pattern, replacement, text)
    if count != 1:
        raise ValueError(f"{pattern} is {count} times in {file}; once was expected. Put MUTATIONS in order.")
    return text, changed


def killed(copy: Path, what: str, file: str, pattern: str, replacement: str) -> bool:
    text, changed = mutated(copy, file, pattern, replacement)
    path = copy / file
    path.write_text(changed, encoding="utf-8")
    failed = run_tests(copy)
    path.write_text(text, encoding="utf-8")
    print(f"{'killed' if failed else 'SURVIVED'}: {what}{': ' if failed else ''}{', '.join(failed)}", flush=True)
    return bool(failed)


def run_tests(copy: Path) -> list[str]:
    """The crops that fail."""
    command = [sys.executable, "-m", "pytest", "tests/golden", "-p", "no:cacheprovider", "--tb=no", "-rf"]
    environment = {**os.environ, "PYTHONPATH": str(copy / "core"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"The tests did not run:\n{done.stdout}{done.stderr}")
    return re.findall(r"^FAILED .*\[(\w+)\]", done.stdout, re.MULTILINE)


if __name__ == "__main__":
    sys.exit(main())
