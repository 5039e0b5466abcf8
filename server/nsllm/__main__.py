"""Entry point of `nsllm` and `python -m nsllm`."""

import sys


def main() -> None:
    """Run the command line and exit with its status."""
    if sys.argv[1:] in (["lsp"], ["lsp", "--stdio"]):
        # An editor waits for its server: the other commands' imports would double its start.
        from nsllm.frontends.lsp.start import serve_stdio

        sys.exit(serve_stdio())
    from nsllm.cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
