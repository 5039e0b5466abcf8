"""Build and run the CPU image where there is no Docker: python scripts/replay_image.py WORKSPACE.

Buildah carries out deploy/Dockerfile in chroots. Where no registry of images can be reached, a
Debian made by debootstrap stands in for the base image. The server of the image then runs as its
own user on NSLLM_HOME's models, and is asked; at last it is looked whether anything was written
outside /data and /tmp. Takes root, `apt-get install buildah debootstrap`, and some minutes.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from bootstrap import ROOT

_BASE = "docker.io/library/debian:trixie-slim"
_CERTIFICATES = Path("/usr/local/share/ca-certificates")
_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_USER = 10001
_WAIT_S = 300
_QUESTION = "How long are readings kept?"


class Builder:
    """Buildah with a store of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._options = [
            *("--root", str(folder / "store"), "--runroot", str(folder / "run")),
            *("--storage-driver", "vfs"),
        ]

    def command(self, name: str, *arguments: str) -> list[str]:
        """Return a command of Buildah."""
        return ["buildah", *self._options, name, *arguments]

    def run(self, name: str, *arguments: str) -> str:
        """Run a command of Buildah, and return what it printed."""
        command = self.command(name, *arguments)
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        return done.stdout.strip()

    def make_base(self) -> None:
        """Make the base image from Debian's packages, with this machine's own certificates."""
        tree = self.folder / "debian"
        subprocess.run(["debootstrap", "--variant=minbase", "trixie", tree], check=True)
        if _CERTIFICATES.is_dir():
            shutil.copytree(_CERTIFICATES, tree / _CERTIFICATES.relative_to("/"))
        container = self.run("from", "scratch")
        self.run("add", "--quiet", container, str(tree), "/")
        # uv trusts its own list of authorities, unless it is told otherwise.
        self.run("config", "--env", f"SSL_CERT_FILE={_BUNDLE}", container)
        self.run("commit", "--quiet", container, _BASE)
        self.run("rm", container)

    def build(self) -> str:
        """Build the CPU image, and return a container of it."""
        # Buildah before 1.29 takes no variable as the name of a stage, and builds unused stages.
        text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
        text = text.replace("${VARIANT}-base", "cpu-base")
        text = re.sub(r"^FROM nvidia/\S+", f"FROM {_BASE}", text, flags=re.MULTILINE)
        file = self.folder / "Dockerfile"
        file.write_text(text, encoding="utf-8")
        self.run(
            "build",
            *("--pull=never", "--format", "docker", "--isolation", "chroot", "--file", str(file)),
            *("--ignorefile", "deploy/Dockerfile.dockerignore", "--tag", "nsllm:cpu", "."),
        )
        return self.run("from", "--pull=never", "nsllm:cpu")


def serve(builder: Builder, container: str, workspace: Path, port: int) -> None:
    """Run the image's server, check its health as the image does, and ask it.

    Raises:
        RuntimeError: it ended, or never became ready.
    """
    home = builder.folder / "home"
    models = Path(os.environ["NSLLM_HOME"]) / "models"
    shutil.copytree(models, home / "models", dirs_exist_ok=True)
    for path in [home, *home.rglob("*")]:
        os.chown(path, _USER, _USER)
    image = json.loads(builder.run("inspect", "--type", "image", "nsllm:cpu"))
    config = image["Docker"]["config"]
    run = ["--isolation", "chroot", "--user", config["User"], "--env", f"NSLLM_SERVER_PORT={port}"]
    mounts = ["--volume", f"{home}:/data", "--volume", f"{workspace}:/workspace:ro"]
    # First what the service `models` of compose.yaml does.
    builder.run("run", *run, *mounts, container, "nsllm", "models", "pull")
    server = subprocess.Popen(builder.command("run", *run, *mounts, container, *config["Cmd"]))
    try:
        _until_ready(server, port)
        check = [part.replace("8642", str(port)) for part in config["Healthcheck"]["Test"][1:]]
        builder.run("run", *run, container, *check)
        print("The image's own health check passes.")
        print(_ask(home, port))
    finally:
        server.terminate()
        server.wait()


def _until_ready(server: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + _WAIT_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
        else:
            return
    raise RuntimeError("The image's server is not ready: the lines above say why.")


def _ask(home: Path, port: int) -> str:
    token = (home / "server" / "token").read_text(encoding="utf-8").strip()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/hybrid-query",
        data=json.dumps({"question": _QUESTION}).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=_WAIT_S) as response:  # noqa: S310 - this machine
        answer = json.load(response)
    return f"{answer['text']} ({answer['verdict']})"


def written(builder: Builder, container: str, since: float) -> list[str]:
    """Return the files of the container's root that are newer than a moment."""
    root = Path(builder.run("mount", container))
    apart = {"data", "tmp", "proc", "sys", "dev", "run", "workspace"}
    found: list[str] = []
    for top in root.iterdir():
        if top.name not in apart:
            paths = [top, *(top.rglob("*") if top.is_dir() and not top.is_symlink() else ())]
            found += [
                str(path.relative_to(root))
                for path in paths
                if not path.is_symlink() and path.is_file() and path.stat().st_mtime > since
            ]
    return found


def main() -> int:
    """Build, run, ask, and look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--port", type=int, default=8641)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nsllm-image-") as folder:
        builder = Builder(Path(folder))
        builder.make_base()
        container = builder.build()
        since = time.time()
        serve(builder, container, given.workspace.resolve(), given.port)
        found = written(builder, container, since)
    print("\n".join(found) if found else "Nothing was written outside /data and /tmp.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
