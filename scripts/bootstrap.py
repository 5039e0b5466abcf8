"""Set up a clone with the standard library alone: uv, then the locked environment.

All that is installed lands in the clone: `.bootstrap/` (uv, where there is none), `.venv/`, and
`.nsllm/` (models and indexes, unless NSLLM_HOME says otherwise).
"""

import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_BIN = "Scripts" if os.name == "nt" else "bin"
_EXE = ".exe" if os.name == "nt" else ""
_OLDEST = (3, 11)


def environment(*, dev: bool) -> Path:
    """Create or update `.venv` from uv.lock and return its folder of programs."""
    if sys.version_info < _OLDEST:
        sys.exit(
            f"Python {sys.version.split()[0]} is too old: NS-LLM needs 3.11 or newer. "
            "Run this script with a newer python3."
        )
    uv, own = _uv()
    variables = {"UV_PROJECT_ENVIRONMENT": str(ROOT / ".venv"), "UV_PYTHON_DOWNLOADS": "never"}
    if own and "UV_CACHE_DIR" not in os.environ:
        variables["UV_CACHE_DIR"] = str(ROOT / ".bootstrap" / "cache")
    sync = [uv, "sync", "--locked", "--extra", "cpu", "--python", sys.executable]
    sync += ["--extra", "server", "--extra", "mcp", "--extra", "telemetry"] if dev else ["--no-dev"]
    say("Installing the locked Python packages into .venv")
    if run(sync, variables) != 0:
        say("That failed; trying without annoy, which needs a C++ compiler (search is then exact)")
        if run([*sync, "--no-install-package", "annoy"], variables) != 0:
            sys.exit("The packages could not be installed. The lines above say why.")
    return ROOT / ".venv" / _BIN


def nsllm_home(default: str) -> dict[str, str]:
    """Return the NSLLM_HOME to use: the user's own, or a folder of the clone."""
    return {"NSLLM_HOME": os.environ.get("NSLLM_HOME") or str(ROOT / ".nsllm" / default)}


def program(folder: Path, name: str) -> str:
    """Return the path of a program in a folder of programs."""
    return str(folder / f"{name}{_EXE}")


def run(command: list[str], variables: Mapping[str, str] | None = None) -> int:
    """Run a command in the clone's root, its output passing through; return its exit status."""
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **(variables or {})}, check=False
    ).returncode


def say(message: str) -> None:
    """Print a step with the time since the start."""
    print(f"[{time.monotonic() - _STARTED:5.1f} s] {message}", flush=True)


def _uv() -> tuple[str, bool]:
    """Return a uv, and whether it is the clone's own."""
    if found := shutil.which("uv"):
        return found, False
    folder = ROOT / ".bootstrap"
    uv = program(folder / _BIN, "uv")
    if not Path(uv).exists():
        say("There is no uv on this machine: installing it into .bootstrap")
        try:
            venv.create(folder, with_pip=True, clear=True)
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(
                f"A virtual environment could not be created ({error}). On Debian and Ubuntu: "
                "sudo apt-get install python3-venv. Or install uv yourself."
            )
        python = program(folder / _BIN, "python")
        if run([python, "-m", "pip", "install", "--quiet", "--no-cache-dir", "uv"]) != 0:
            sys.exit(
                "uv could not be installed. The lines above say why; see pip config for proxies."
            )
    return uv, True


_STARTED = time.monotonic()
