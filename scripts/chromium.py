"""Find the Chromium for tests, or install Debian's; print its path.

python3 scripts/chromium.py
"""

import os
import shutil
import subprocess
import sys

from bootstrap import say

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def find() -> str | None:
    """Return the path of a Chromium of this machine."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


def obstacle() -> str | None:
    """Say why this machine cannot have a Chromium, or None where it can."""
    if find() or _may_install():
        return None
    return "there is no Chromium, and only root can install one with apt-get"


def find_or_install() -> str:
    """Return a Chromium, installing Debian's where there is none and we may."""
    if found := find():
        return found
    if not _may_install():
        sys.exit(
            "There is no Chromium on this machine. Install one, then run this again; on Debian "
            "and Ubuntu: sudo apt-get install --no-install-recommends chromium"
        )
    say("Installing Chromium with apt-get")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
    _apt(["apt-get", "update", "-qq"], "apt-get update failed")
    _apt(install, "Chromium could not be installed")
    if found := find():
        return found
    sys.exit("apt-get installed no program named chromium. Install a Chromium by hand.")


def _apt(command: list[str], failure: str) -> None:
    variables = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    status = subprocess.run(
        command, env=variables, stdout=subprocess.DEVNULL, check=False
    ).returncode
    if status != 0:
        sys.exit(f"{failure} (status {status}): {' '.join(command)}. The lines above say why.")


def _may_install() -> bool:
    return shutil.which("apt-get") is not None and os.geteuid() == 0


if __name__ == "__main__":
    print(find_or_install())
