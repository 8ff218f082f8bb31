"""Workspaces of the workflow's tests."""

from pathlib import Path

import pytest
from workspace import MINI, Workspace


@pytest.fixture
def demo(tmp_path: Path) -> Workspace:
    """The demo as shipped."""
    return Workspace(tmp_path, None)


@pytest.fixture
def mini(tmp_path: Path) -> Workspace:
    """The demo with the smallest budget."""
    return Workspace(tmp_path, MINI)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A finished run of the smallest budget, shared by a module's tests."""
    workspace = Workspace(tmp_path_factory.mktemp("finished"), MINI)
    workspace.run()
    return workspace
