"""Workspace files to documents, and documents to chunks."""
