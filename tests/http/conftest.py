"""A live server with the embedded models, shared by the tests of this folder."""

import gc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from http_live import Live
from lsp.conftest import write_workspace
from lsp.editor import home_with_models

Start = Callable[..., Live]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let no test fail for the socket of a client that was refused, or left within a stream.

    The client's library leaves such a socket to the collector, which runs when it likes.
    """
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"))


@pytest.fixture(scope="session")
def server_home(models_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An NSLLM_HOME with the models."""
    return home_with_models(tmp_path_factory.mktemp("server-home"), models_home)


@pytest.fixture(scope="session")
def harrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five documents about a small product."""
    return write_workspace(tmp_path_factory.mktemp("server") / "harrow")


@pytest.fixture(scope="session")
def live(server_home: Path, harrow: Path) -> Iterator[Live]:
    """A server that is ready."""
    server = Live(server_home, [harrow]).ready()
    yield server
    server.stop()


@pytest.fixture
def start(models_home: Path, tmp_path: Path, harrow: Path) -> Iterator[Start]:
    """Start servers with settings of their own: `start(toml="…", NSLLM_SERVER_QUEUE="0")`."""
    servers: list[Live] = []

    def begin(*folders: Path, toml: str = "", **variables: str) -> Live:
        home = tmp_path / "home"
        if not home.exists():
            home_with_models(home, models_home)
        (home / "nsllm.toml").write_text(toml, encoding="utf-8")
        servers.append(Live(home, list(folders) or [harrow], **variables))
        return servers[-1]

    yield begin
    for server in servers:
        server.stop()


@pytest.fixture(autouse=True)
def sockets_of_clients_that_left() -> Iterator[None]:
    """Collect them here, so that no test of another folder meets them."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
