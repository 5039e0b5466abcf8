"""Watch a process of the user that is not a child of this one."""

import asyncio
import os
import sys

_INTERVAL_S = 1.0


async def wait_for_end(process_id: int) -> None:
    """Return when the process is gone."""
    while is_alive(process_id):  # noqa: ASYNC110 - no event tells of another's process
        await asyncio.sleep(_INTERVAL_S)


def is_alive(process_id: int) -> bool:
    """Tell whether there is a process of this id."""
    if sys.platform == "win32":
        return _is_alive_windows(process_id)
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_alive_windows(process_id: int) -> bool:
    """Ask the process's handle: os.kill would end the process on Windows."""
    import ctypes

    synchronize, timed_out = 0x0010_0000, 0x102
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    handle = kernel.OpenProcess(synchronize, False, process_id)
    if not handle:
        return False
    try:
        return bool(kernel.WaitForSingleObject(handle, 0) == timed_out)
    finally:
        kernel.CloseHandle(handle)
