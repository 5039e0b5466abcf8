"""A real Emacs with eglot, in batch: it connects, edits, asks, and leaves; without any model."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EMACS = shutil.which("emacs")


def has_eglot() -> bool:
    """Tell whether this Emacs has eglot: built in since 29, a package before."""
    if EMACS is None:
        return False
    command = [EMACS, "--batch", "--eval", "(progn (package-initialize) (require 'eglot))"]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


pytestmark = [
    pytest.mark.skipif(
        not has_eglot(), reason="Emacs with eglot is not installed (Debian: emacs-nox elpa-eglot)"
    ),
    pytest.mark.timeout(240),
]


def test_emacs_connects_asks_and_leaves(
    isolated_home: Path, workspace: Path, tmp_path: Path
) -> None:
    file = workspace / "docs" / "new.txt"
    file.write_text("Neu 📓 und mehr.\n", encoding="utf-8")
    out = tmp_path / "out.json"
    test = {
        "python": sys.executable,
        "home": str(isolated_home),
        "root": f"{workspace}/",
        "file": str(file),
        "out": str(out),
    }
    script = Path(__file__).with_name("emacs.el")
    subprocess.run(
        [str(EMACS), "--batch", "--load", str(script)],
        env={**os.environ, "NSLLM_TEST": json.dumps(test), "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        timeout=220,
        check=True,
    )
    result = json.loads(out.read_text("utf-8"))
    assert "error" not in result, result["error"]
    assert result == {"name": "nsllm", "managed": True, "hover": None, "records": []}
