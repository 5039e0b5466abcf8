"""Run every check and every test, from a fresh clone; arguments go on to pytest.

python3 scripts/test.py [pytest arguments]

The tests of the web page in a real browser and of the packaged extension in a real VS Code come
last. They are skipped, and that is said, on a machine that cannot have one; where CI is set in the
environment that is a failure.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping

import bootstrap
import chromium
import vscode_host

PATHS = ["server", "tests", "scripts"]


EXTENSION = [
    ["ci", "--ignore-scripts"],
    *(["run", step] for step in ("check", "lint", "test", "package")),
]


def _extension() -> list[str]:
    """Check, test and package the VS Code extension; return what failed."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is missing: install Node 20 or newer, which brings it.")
    failed = []
    for step in EXTENSION:
        title = f"npm {' '.join(step)}"
        bootstrap.say(title)
        if bootstrap.run([npm, *step]) != 0:
            failed.append(title)
    return failed


class _Host:
    """The VS Code for tests: set up beside the other steps, which it would make wait."""

    def __init__(self) -> None:
        self.obstacle = vscode_host.obstacle()
        self._log = vscode_host.FOLDER.with_suffix(".log")
        self._set_up: subprocess.Popen[bytes] | None = None
        if self.obstacle is None:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("wb") as out:
                self._set_up = subprocess.Popen(
                    [sys.executable, vscode_host.__file__], stdout=out, stderr=out
                )

    def wait(self) -> int:
        """Wait for the set-up, and return its status."""
        return 0 if self._set_up is None else self._set_up.wait()

    def test(self, variables: Mapping[str, str]) -> bool:
        """Run the tests once the set-up is done; return whether both went well."""
        if self._set_up is None:
            bootstrap.say(f"SKIPPED the tests in VS Code: {self.obstacle}")
            return "CI" not in os.environ
        status = self.wait()
        print(self._log.read_text(encoding="utf-8", errors="replace"), end="")
        command = [vscode_host.node(), "tests/host/run.mjs"]
        return status == 0 and bootstrap.run(command, variables) == 0


def _web(variables: Mapping[str, str]) -> bool:
    """Test the web page of a live server in a browser; return whether that went well."""
    obstacle = chromium.obstacle()
    if obstacle is not None:
        bootstrap.say(f"SKIPPED the tests of the web page: {obstacle}")
        return "CI" not in os.environ
    program = {"NSLLM_CHROMIUM": chromium.find_or_install()}
    return bootstrap.run(["node", "tests/web/run.mjs"], {**variables, **program}) == 0


def main() -> int:
    """Set up, run each step, and return 1 if one of them failed."""
    programs = bootstrap.environment(dev=True)
    home = bootstrap.nsllm_home("test-home")
    steps = [
        ("Fetching the embedded models", ["nsllm", "models", "pull", "--yes"]),
        ("ruff check", ["ruff", "check", *PATHS]),
        ("ruff format", ["ruff", "format", "--check", *PATHS]),
        ("mypy", ["mypy"]),
        ("pytest", ["pytest", *sys.argv[1:]]),
    ]
    host = _Host()
    failed = _extension()
    for title, (name, *arguments) in steps:
        bootstrap.say(title)
        variables = {**home, "NSLLM_TEST_MODELS": home["NSLLM_HOME"]}
        if bootstrap.run([bootstrap.program(programs, name), *arguments], variables) != 0:
            failed.append(title)
    host.wait()  # it may be installing the browser
    bootstrap.say("Tests of the web page; pictures go to tests/web/artefacts")
    if not _web({"NSLLM_TEST_MODELS": home["NSLLM_HOME"]}):
        failed.append("tests of the web page")
    bootstrap.say("Tests in VS Code; pictures and logs go to tests/host/artefacts")
    if not host.test({"NSLLM_TEST_MODELS": home["NSLLM_HOME"]}):
        failed.append("tests in VS Code")
    bootstrap.say(f"Failed: {', '.join(failed)}" if failed else "All checks and tests passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
