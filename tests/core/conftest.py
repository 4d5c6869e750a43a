"""A real portrait made ready once for all engine tests, without nets; and a cache folder of the tests' own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from gioconda.engine import Portrait, prepare
from gioconda.pose import Pose

from tests import sitters
from tests.sitters import Sitter


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Prepared portraits stay out of the user's own cache, in subprocesses too."""
    before = os.environ.get("GIOCONDA_CACHE")
    os.environ["GIOCONDA_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["GIOCONDA_CACHE"]
    else:
        os.environ["GIOCONDA_CACHE"] = before


@pytest.fixture(scope="session")
def sitter() -> Sitter:
    """Grace Hopper, 512 × 600."""
    return Sitter.read("grace_hopper")


@pytest.fixture(scope="session")
def portrait(sitter: Sitter) -> Portrait:
    """The sitter made ready."""
    return prepare(sitter.source, sitter.landmarks, sitter.matte)


@pytest.fixture(scope="session")
def small(sitter: Sitter) -> Sitter:
    """The sitter at half size, for pictures that are made ready again and again."""
    return sitter.scaled(0.5)


@pytest.fixture(scope="session")
def pose_of() -> Callable[..., Pose]:
    """`sitters.pose_of`."""
    return sitters.pose_of
