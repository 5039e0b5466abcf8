"""The index of a workspace: SQLite catalogue, vectors, and what keeps them up to date."""
