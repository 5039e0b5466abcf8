"""Run every check and every test, from a fresh clone; arguments go on to pytest.

python3 scripts/test.py [pytest arguments]
"""

import sys

import bootstrap

PATHS = ["server", "tests", "scripts"]


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
    failed = []
    for title, (name, *arguments) in steps:
        bootstrap.say(title)
        variables = {**home, "NSLLM_TEST_MODELS": home["NSLLM_HOME"]}
        if bootstrap.run([bootstrap.program(programs, name), *arguments], variables) != 0:
            failed.append(title)
    bootstrap.say(f"Failed: {', '.join(failed)}" if failed else "All checks and tests passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
