"""The text that stands for a chunk before the embedder.

It holds no path, so that a renamed file keeps its vectors. With the folder and name in front,
retrieval was no better: the headings above a chunk already say what it is about.
"""

import hashlib

SEPARATOR = " > "


def embedded_text(heading: str, text: str) -> str:
    """Return the headings above a chunk, then the chunk."""
    trail = heading.split(SEPARATOR) if heading else []
    if trail and text.lstrip("#= ").startswith(trail[-1]):
        trail.pop()
    return f"{SEPARATOR.join(trail)}\n{text}" if trail else text


def hash_text(heading: str, text: str) -> str:
    """Return the key of the embedded text in the store of vectors."""
    encoded = embedded_text(heading, text).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(encoded, digest_size=16).hexdigest()
