"""Judge a text by rules, and keep a record of it."""
