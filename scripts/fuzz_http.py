"""Send generated requests to a running server: python scripts/fuzz_http.py --token-file FILE.

schemathesis makes them from the server's own OpenAPI document, valid and invalid ones, and checks
every answer: no server error, status, media type, headers and body as described, what is invalid
is refused, what is valid is accepted, nothing is answered without a token. Start the server with
NSLLM_GENERATION_MAX_TOKENS=1: the texts themselves are not what is tested; and with
NSLLM_SERVER_LEND=true, so that raw texts may be asked for. Further arguments go on to schemathesis,
such as `--include-path /api/search`.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

# What the server knows, and the document cannot: which models and workspaces there are, what fits
# into a model's context, and what of OpenAI's protocol no model here can do. What is too long may
# make the body too large before it is read.
_SETTINGS = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "404", "409", "422"]

[checks.negative_data_rejection]
expected-statuses = [
  "400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429", "5xx",
]

[[operations]]
include-path-regex = "^/v1/(chat/)?(completions|embeddings)$"

[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "404", "409", "422"]
"""


def main() -> int:
    """Run schemathesis, and return its status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8642")
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--examples", type=int, default=150, help="for each operation and phase")
    parser.add_argument("--phases", default="examples,coverage,fuzzing")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--max-time", type=int, help="in seconds")
    given, further = parser.parse_known_args()
    token = given.token_file.read_text(encoding="utf-8").strip()
    with tempfile.TemporaryDirectory(prefix="nsllm-fuzz-") as folder:
        settings = Path(folder) / "schemathesis.toml"
        settings.write_text(_SETTINGS, encoding="utf-8")
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings), "run"),
            f"{given.url}/openapi.json",
            *("--header", f"Authorization: Bearer {token}"),
            *("--phases", given.phases),
            *("--max-examples", str(given.examples)),
            *("--seed", str(given.seed)),
            *("--generation-database", "none"),
            *("--request-timeout", "120"),
            "--continue-on-failure",
            "--no-color",
        ]
        if given.max_time:
            command += ["--max-time", str(given.max_time)]
        return subprocess.run([*command, *further], cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
