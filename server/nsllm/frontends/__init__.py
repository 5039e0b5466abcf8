"""Translate between the outside world and the one Application; nothing here decides."""
