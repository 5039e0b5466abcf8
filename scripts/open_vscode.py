"""Open a real VS Code, in your browser, with the extension on a copy of the sample handbook.

python3 scripts/open_vscode.py [--folder DIR] [--port N]

Ctrl-C ends it; what you changed in the copy is thrown away.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import bootstrap
import vscode_host

_SAMPLE = bootstrap.ROOT / "examples" / "handbook"


def main() -> int:
    """Set up, open, wait for Ctrl-C, and return 0 when VS Code could be opened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, help="open this folder itself, not the handbook")
    parser.add_argument("--port", type=int, help="listen on this port of 127.0.0.1")
    arguments = parser.parse_args()
    if arguments.folder and not arguments.folder.is_dir():
        parser.error(f"{arguments.folder} is not a folder")
    # Syncing without the development tools would remove them from a developer's clone.
    tools = bootstrap.program(bootstrap.ROOT / ".venv" / "bin", "pytest")
    bootstrap.environment(dev=Path(tools).exists())
    vscode_host.set_up(browser=False)
    _package()
    with tempfile.TemporaryDirectory(prefix="nsllm-sample-") as temporary:
        folder = arguments.folder or Path(shutil.copytree(_SAMPLE, Path(temporary) / "handbook"))
        return _open(folder.resolve(), arguments.port)


def _package() -> None:
    """Build the VSIX, unless it is there and newer than the extension's sources."""
    sources = [bootstrap.ROOT / "package.json", bootstrap.ROOT / "extension"]
    vsix = bootstrap.ROOT / "dist" / "nsllm.vsix"
    if vsix.exists() and _newest(vsix) >= max(map(_newest, sources)):
        return
    bootstrap.say("Building the extension")
    for command in (["npm", "ci", "--no-audit", "--no-fund"], ["npm", "run", "package"]):
        if bootstrap.run(command, vscode_host.variables()) != 0:
            sys.exit(f"{' '.join(command)} failed. The lines above say why.")


def _newest(path: Path) -> float:
    if path.is_file():
        return path.stat().st_mtime
    files = (each for each in path.rglob("*") if "dist" not in each.parts and each.is_file())
    return max((each.stat().st_mtime for each in files), default=0.0)


def _open(folder: Path, port: int | None) -> int:
    home = bootstrap.nsllm_home("home")["NSLLM_HOME"]
    command = [vscode_host.node(), "tests/host/open.mjs", str(folder), home]
    process = subprocess.Popen(
        [*command, *([str(port)] if port else [])], cwd=bootstrap.ROOT, env={**os.environ}
    )
    # The terminal sends Ctrl-C to both; Node stops what it started, then ends.
    with contextlib.suppress(KeyboardInterrupt):
        return process.wait()
    try:
        return process.wait(timeout=15)
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        process.send_signal(signal.SIGTERM)
        return process.wait()


if __name__ == "__main__":
    sys.exit(main())
