"""The language server: editors on one side, Applications on the other; see docs/PROTOCOL.md."""
