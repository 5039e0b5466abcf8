"""Governed answers over the documents of a workspace, from a model on the user's own machine."""

from importlib.metadata import version

__version__ = version("nsllm")
