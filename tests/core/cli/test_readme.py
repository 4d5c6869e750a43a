"""The README's tree names what is there, all of it, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def tree() -> set[str]:
    """The paths the tree names, relative to the project."""
    block = README.split("## What is where")[1].split("```")[1]
    named = set()
    for line in block.strip("\n").splitlines():
        entry = re.match(r"( {0,2})(\S+(?:, \S+)*)  +\S", line)
        if entry:
            inside = "core/gioconda/" if entry[1] else ""
            named |= {inside + name for name in entry[2].split(", ")}
    return named


def test_everything_the_tree_names_is_there() -> None:
    assert not [path for path in tree() if not (ROOT / path).exists()]


def test_every_file_of_the_package_is_in_the_tree() -> None:
    package = ROOT / "core" / "gioconda"
    files = {f"core/gioconda/{path.name}" for path in package.glob("*.py") if path.name != "__init__.py"}
    folders = {f"core/gioconda/{path.name}/" for path in package.iterdir() if (path / "__init__.py").is_file()}
    assert files | folders <= tree()


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert not [target for target in targets if "://" not in target and not (ROOT / target).exists()]


def test_the_two_commands_are_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in re.findall(r"make (\w+)", README):
        assert re.search(rf"^{command}:", makefile, re.MULTILINE), command
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
