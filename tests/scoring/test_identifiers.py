"""Which code names of a text are looked for."""

from nsllm.scoring.identifiers import code_names


def test_names_of_prose_are_found_where_they_stand() -> None:
    text = "Use `frobnicate()` and --dry-run,\nthen max_retries in conf/app.toml."
    found = code_names(text)
    assert [(m.kind, m.text) for m in found] == [
        ("identifier", "frobnicate()"),
        ("flag", "--dry-run"),
        ("identifier", "max_retries"),
        ("path", "conf/app.toml"),
    ]
    assert all(text[m.start : m.end] == m.text for m in found)


def test_what_no_one_invents_is_left_out() -> None:
    text = (
        "JavaScript on docs.example.org, Libera.Chat or irc.example.invalid: see `os.path.join`, "
        "`print()`, --help and /tmp/x/y, `_`, `__str__`, _emphasis_, _query parameter_, "
        "`python.exe`, `python3.12`, ~/.local/bin/tool and git+ssh://git@example.org/a_page.git "
        "or https://example.org/a_page/of_docs.md?utm_source=list_page."
    )
    assert code_names(text) == []


def test_code_blocks_are_left_out() -> None:
    assert code_names("```\nmy_own = other_name()\n```\n") == []


def test_what_the_code_of_a_text_defines_is_its_own() -> None:
    code = "def wait_long(first_wait: int, *, last_wait=3):\n    next_wait = other_wait()\n"
    prose = "`wait_long()` takes `first_wait` and `last_wait` for `next_wait`, not `other_wait`."
    names = ["wait_long()", "first_wait", "last_wait", "next_wait", "other_wait"]
    assert [m.text for m in code_names(prose)] == names
    assert [m.text for m in code_names(f"```python\n{code}```\n{prose}")] == ["other_wait"]


def test_links_of_restructuredtext_are_no_code() -> None:
    text = "See `ProgressBar <https://example.org>`__, `devel`_ and `max_retries`."
    assert [m.text for m in code_names(text)] == ["max_retries"]


def test_a_method_is_named_with_the_object_that_it_is_called_on() -> None:
    text = "Call `settings.get()`, then `Client.fetch_all()` or session.close() at the end."
    assert [(m.text, m.key) for m in code_names(text)] == [
        ("settings.get()", "settings.get"),
        ("Client.fetch_all()", "Client.fetch_all"),
        ("session.close()", "session.close"),
    ]


def test_a_word_with_an_underscore_behind_it_is_a_link_unless_it_is_code() -> None:
    text = "Needs ruamel.yaml_ or max_retries_, not `class_`."
    assert [m.text for m in code_names(text)] == ["class_"]


def test_parts_of_patterns_are_no_names() -> None:
    text = "See {env}-requirements.txt, `on_*`, `get_hooks_*`, max_size{n}, `a_<b>`, per\\_page."
    assert code_names(text) == []
    text = "**max_retries** and *first_wait* and {last_wait} are read."
    assert [m.text for m in code_names(text)] == ["max_retries", "first_wait", "last_wait"]


def test_machines_and_wheels_are_no_names() -> None:
    text = "For x86_64 there is `grove-1.0-cp311-cp311-manylinux_2_17_x86_64.whl`, not `NaN`."
    assert code_names(text) == []


def test_a_name_has_the_owner_that_the_text_gives_it() -> None:
    text = "Call `grove.prune()` or run `orchard run --deep-prune`, or `--dry-run` with max_depth."
    assert [(m.text, m.owner) for m in code_names(text)] == [
        ("grove.prune()", "grove"),
        ("--deep-prune", "orchard"),
        ("--dry-run", None),
        ("max_depth", None),
    ]
