"""Which code names of people's texts are no inventions."""

import pytest

from nsllm.scoring.borrowed import borrowed, example_files, is_placeholder
from nsllm.scoring.identifiers import code_names


def test_files_that_a_text_shows_are_its_own() -> None:
    text = (
        "Create `main.py`:\n\n```python\nx = 1\n```\n\nThen read `limits.py` and edit `a/b.toml`."
        "\n\nWrite this into `conf/app.toml`:\n\n```toml\n# tool.toml\nx = 1\n```\n"
    )
    assert example_files(text) == {"main.py", "tool.toml"}


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("my_stop", True),
        ("example.py", True),
        ("tests/foo.py", True),
        ("MyClass", True),
        ("yourApp", True),
        ("sort_by", False),
        ("mystery", False),
        ("someone", False),
        ("sample_rate", False),
        ("barcode", False),
    ],
)
def test_placeholders_are_told_from_names(name: str, is_one: bool) -> None:
    assert is_placeholder(name) == is_one


@pytest.mark.parametrize(
    "text",
    [
        "Run `Hatch`, `tox` or `h11` with `PATH` set.",
        "Like `isoformat()` and `sort_keys` of the standard library.",
        "List it in `requirements.in` or `setup.cfg`.",
        "See [pip_tools_mode.el](https://example.org/el) and `other_grove <https://example.org>`_.",
        "Write `my_function` into example.py.",
        "With --pears or `per_page`:\n\n```python\noption('--pears', \"per_page\")\n```\n",
    ],
)
def test_what_is_another_s_or_any_s_is_borrowed(text: str) -> None:
    is_borrowed = borrowed(text)
    assert all(is_borrowed(name) for name in code_names(text))


def test_what_a_text_says_of_its_own_project_is_not_borrowed() -> None:
    text = (
        "Set `max_retries`, call `prune()`, pass --dry-run; see [limits.py](docs/limits.py). So:"
        "\n\n"
        "```python\nprune(max_retries=3)\n```\n"
    )
    is_borrowed = borrowed(text)
    names = code_names(text)
    assert [n.text for n in names if not is_borrowed(n)] == [
        "max_retries",
        "prune()",
        "--dry-run",
        "limits.py",
        "docs/limits.py",
    ]
