"""`nsllm setup`: fetch what the settings name, and say whether everything works."""

from pathlib import Path
from typing import Annotated

from nsllm.app import Application
from nsllm.cli import session
from nsllm.cli.doctor import doctor


def setup(
    workspace: Annotated[Path, session.Workspace] = Path(),
    yes: Annotated[bool, session.Yes] = False,
) -> None:
    """Fetch the models that are missing, and look whether everything works."""

    async def work(application: Application) -> None:
        await session.fetch_missing(application, yes=yes, quiet=False)

    session.run(workspace, work)
    doctor(workspace=workspace)
