"""Tables, settings and parameter lists, and sentences that say what stands in them."""

from collections.abc import Callable, Iterator
from random import Random

from draft import Draft

Row = dict[str, str | int]
MakeRow = Callable[[Draft, str, int, str], Row]

_WHAT = (
    "timeout retries pool_size max_connections cache_ttl log_level port workers batch_size host "
    "mode "
    "buffer_size encoding interval threads prefix region output_format max_depth page_size theme "
    "heartbeat queue_length min_version rate_limit keepalive language storage_path dry_run strict"
).split()
_UNITS = ("", "", " s", " ms", " MB", " minutes", " seconds", " KB", "%", " days")
_CHOICES = ("auto", "debug", "warning", "utf-8", "json", "localhost", "fast", "eu-west", "none",
            "true", "false", "/var/data", "dark", "gzip", "round-robin", "random")  # fmt: skip
_TABLE = "| {name} | {value} | {about} |"
_LINES = ("{name} = {value}", "{name}: {value}", "- `{name}`: {about}, default {value}",
          "{name} ({value}): {about}.", "`{name}` (default: {value}) {about}.",
          "* **{name}**: {value} ({about})", _TABLE)  # fmt: skip
_SAID = ("The default of `{name}` is {value}.", "`{name}` is set to {value}.", "{name} is {value}.",
         "The {spoken} is {value}.", "By default, the {spoken} is {value}.",
         "It uses a {spoken} of {value}.", "With `{name}` the value is {value}.",
         "The value of {name} defaults to {value}.", "{value} is the {spoken}.")  # fmt: skip
_ABOUT = ("how long to wait", "what is kept in memory", "where results go", "how often to try",
          "what the server listens on", "the most that is allowed", "used at start",
          "what the log shows", "applies to all jobs", "the form of the output")  # fmt: skip


def _value(random: Random) -> str:
    if random.random() < 0.35:
        return random.choice(_CHOICES)
    number = random.choice(
        [random.randint(1, 60), random.randint(1, 20) * 50, 2 ** random.randint(3, 13)]
    )
    return f"{number}{random.choice(_UNITS)}"


def fact_pairs(random: Random, make: MakeRow) -> Iterator[Row]:
    """Yield a sentence that says what a line of a list says, and one that does not."""
    names = random.sample(_WHAT, random.randint(1, 5))
    values = {name: _value(random) for name in names}
    form = random.choice(_LINES)
    lines = [form.format(name=n, value=values[n], about=random.choice(_ABOUT)) for n in names]
    if form is _TABLE:
        lines.insert(
            0, random.choice(["| Setting | Default | Meaning |", "| Name | Value | Use |"])
        )
    evidence = random.choice(["\n", " "]).join(lines)
    name = random.choice(names)
    said = random.choice(_SAID).replace("{spoken}", name.replace("_", " ")).replace("{name}", name)
    at = said.index("{value}")
    true = values[name]
    shown = f"`{true}`" if random.random() < 0.3 else true
    yield make(Draft.of(said.replace("{value}", shown)), evidence, 1, "fact")
    rivals = [v for v in values.values() if v != true]
    wrong = random.choice(rivals) if rivals and random.random() < 0.5 else _value(random)
    if wrong != true:
        draft = Draft.of(said.replace("{value}", wrong)).mark(at, at + len(wrong))
        yield make(draft, evidence, 0, "fact")
