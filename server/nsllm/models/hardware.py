"""What this machine has: cores, memory, accelerators."""

import ctypes
import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import msgspec

from nsllm.errors import NativeLibraryError

_TOPOLOGY = Path("/sys/devices/system/cpu")
_CGROUP = Path("/sys/fs/cgroup")
_MEMINFO = Path("/proc/meminfo")


class Hardware(msgspec.Struct, frozen=True, kw_only=True):
    """A summary for `nsllm doctor`; None where it could not be found out."""

    system: str
    processor: str
    physical_cores: int
    memory_bytes: int | None
    free_memory_bytes: int | None
    gpus: tuple[str, ...]
    runtime: str | None
    """The version of ONNX Runtime; None: it does not load."""
    providers: tuple[str, ...]


@cache
def physical_cores() -> int:
    """Count the cores that this process may use; two threads of one core count once.

    A second thread on a core gains nothing where both wait for the same arithmetic units.
    """
    logical = _logical_cores()
    readers = {"linux": _linux_cores, "darwin": _darwin_cores, "win32": _windows_cores}
    physical = readers.get(sys.platform, lambda: None)()
    return max(1, min(physical or logical, logical, _quota() or logical))


def free_memory_bytes() -> int | None:
    """Return how much memory a new model may take; None where it cannot be found out."""
    free = _memory()[1]
    limit, used = _read_int(_CGROUP / "memory.max"), _read_int(_CGROUP / "memory.current")
    if limit is not None and used is not None:
        # What is kept of files counts as used, and is given back where memory is wanted.
        room = max(0, limit - used + _kept_files())
        return room if free is None else min(free, room)
    return free


def providers() -> tuple[str, ...]:
    """Return where models can run here, best first; none where ONNX Runtime does not load."""
    from nsllm.models.session import available_providers

    try:
        return available_providers()
    except NativeLibraryError:
        return ()


def describe() -> Hardware:
    """Summarise the machine."""
    from nsllm.models.session import library_version

    try:
        runtime: str | None = library_version()
    except NativeLibraryError:
        runtime = None
    return Hardware(
        system=f"{platform.system()} {platform.release()} ({platform.machine()})",
        processor=_processor(),
        physical_cores=physical_cores(),
        memory_bytes=_memory()[0],
        free_memory_bytes=free_memory_bytes(),
        gpus=_gpus(),
        runtime=runtime,
        providers=providers(),
    )


def _logical_cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota() -> int | None:
    """Return the cores that a container may use at a time, rounded up."""
    try:
        quota, period = (_CGROUP / "cpu.max").read_text(encoding="ascii").split()
        return None if quota == "max" else max(1, -(-int(quota) // int(period)))
    except (OSError, ValueError):
        return None


def _linux_cores() -> int | None:
    if sys.platform != "linux":
        return None
    cores = set()
    for cpu in os.sched_getaffinity(0):
        try:
            path = _TOPOLOGY / f"cpu{cpu}" / "topology" / "thread_siblings_list"
            cores.add(path.read_text(encoding="ascii"))
        except OSError:
            return None
    return len(cores)


def _darwin_cores() -> int | None:
    # Performance cores alone: the slow ones hold back what is divided evenly.
    for name in ("hw.perflevel0.physicalcpu", "hw.physicalcpu"):
        text = _output("sysctl", "-n", name)
        if text.isdecimal():
            return int(text)
    return None


def _windows_cores() -> int | None:
    if sys.platform != "win32":
        return None
    size = ctypes.c_uint32(0)
    ask = ctypes.windll.kernel32.GetLogicalProcessorInformationEx
    ask(0, None, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    if not ask(0, buffer, ctypes.byref(size)):
        return None
    # Each record of relation 0 is one core; its length stands in its second field.
    count = offset = 0
    while offset < size.value:
        count += 1
        offset += ctypes.c_uint32.from_buffer(buffer, offset + 4).value
    return count


def _memory() -> tuple[int | None, int | None]:
    """Return total and available memory in bytes."""
    if sys.platform == "win32":
        return _windows_memory()
    if sys.platform == "darwin":
        return _darwin_memory()
    try:
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
        table = {key: int(value.split()[0]) * 1024 for key, value in (s.split(":") for s in lines)}
    except (OSError, ValueError, IndexError):
        return None, None
    return table.get("MemTotal"), table.get("MemAvailable")


class _MemoryStatus(ctypes.Structure):
    _fields_ = (
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        ("total", ctypes.c_uint64),
        ("available", ctypes.c_uint64),
        ("rest", ctypes.c_uint64 * 5),
    )


def _windows_memory() -> tuple[int | None, int | None]:
    if sys.platform != "win32":
        return None, None
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None, None
    return int(status.total), int(status.available)


def _darwin_memory() -> tuple[int | None, int | None]:
    total, page = _output("sysctl", "-n", "hw.memsize"), _output("sysctl", "-n", "hw.pagesize")
    if not (total.isdecimal() and page.isdecimal()):
        return None, None
    reclaimable = ("Pages free", "Pages inactive", "Pages purgeable", "Pages speculative")
    pages = 0
    for line in _output("vm_stat").splitlines():
        name, _, value = line.partition(":")
        if name in reclaimable:
            pages += int(value.strip(" ."))
    return int(total), pages * int(page)


def _processor() -> str:
    if sys.platform == "darwin":
        return _output("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _gpus() -> tuple[str, ...]:
    names = _output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    return tuple(line.strip() for line in names.splitlines() if line.strip())


def _output(program: str, *arguments: str) -> str:
    """Run a system tool, and return what it prints; '' where it is missing or fails."""
    path = shutil.which(program)
    if path is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            [path, *arguments], capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _kept_files() -> int:
    """Return how many bytes of files, unused for a while, the container keeps in memory."""
    try:
        lines = (_CGROUP / "memory.stat").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
    except (OSError, ValueError, StopIteration):
        return 0


def _read_int(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
