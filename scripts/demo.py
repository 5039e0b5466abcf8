"""Ask the sample handbook a question and show the governed answer, from a fresh clone.

python3 scripts/demo.py ["another question"]
"""

import sys

import bootstrap

QUESTION = "How long are raw readings kept?"


def main() -> int:
    """Set up, ask, and return the exit status of `nsllm ask`."""
    question = " ".join(sys.argv[1:]) or QUESTION
    programs = bootstrap.environment(dev=False)
    bootstrap.say(f"Asking examples/handbook: {question}")
    ask = [bootstrap.program(programs, "nsllm"), "ask", question, "--yes"]
    status = bootstrap.run([*ask, "--workspace", "examples/handbook"], bootstrap.nsllm_home("home"))
    bootstrap.say("Done" if status == 0 else f"nsllm ask ended with status {status}")
    return status


if __name__ == "__main__":
    sys.exit(main())
