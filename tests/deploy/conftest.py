"""Where the files for containers are."""

from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOY = REPOSITORY / "deploy"


@pytest.fixture(scope="session")
def compose() -> Any:
    """What compose.yaml says, its anchors resolved."""
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
