"""A real Neovim, headless: a finding shows, is explained, and is mended by its quick fix."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NEOVIM = shutil.which("nvim")
pytestmark = [
    pytest.mark.models,
    pytest.mark.skipif(NEOVIM is None, reason="Neovim is not installed (Debian: neovim)"),
    pytest.mark.timeout(240),
]


def test_neovim_shows_and_mends_a_finding(
    editor_home: Path, workspace: Path, tmp_path: Path
) -> None:
    claim = "The Team plan costs 95 euros a month and covers 50 relays."
    file = workspace / "docs" / "new.md"
    file.write_text(f"# Neu 📓\n\n{claim}\n", encoding="utf-8")
    out = tmp_path / "out.json"
    test = {
        "python": sys.executable,
        "home": str(editor_home),
        "root": str(workspace),
        "file": str(file),
        "out": str(out),
    }
    script = Path(__file__).with_name("neovim.lua")
    subprocess.run(
        [str(NEOVIM), "--headless", "--clean", "-n", "-c", f"luafile {script}"],
        env={**os.environ, "NSLLM_TEST": json.dumps(test), "XDG_STATE_HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        timeout=220,
        check=True,
    )
    result = json.loads(out.read_text("utf-8"))
    assert "error" not in result, result["error"]
    assert "95" in result["message"]
    assert claim[result["from"] : result["to"]] == "95"
    assert "The Team plan costs 80 euros" in result["hover"]
    assert result["text"] == ["# Neu 📓", "", claim.replace("95", "80")]
