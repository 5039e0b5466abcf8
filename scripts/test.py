"""Run every check and every test, from a fresh clone; arguments go on to pytest.

python3 scripts/test.py [pytest arguments]
"""

import shutil
import sys

import bootstrap

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
    failed = _extension()
    for title, (name, *arguments) in steps:
        bootstrap.say(title)
        variables = {**home, "NSLLM_TEST_MODELS": home["NSLLM_HOME"]}
        if bootstrap.run([bootstrap.program(programs, name), *arguments], variables) != 0:
            failed.append(title)
    bootstrap.say(f"Failed: {', '.join(failed)}" if failed else "All checks and tests passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
