"""Texts that the toxicity model learns from, made from toxicity_data and from public sets."""

import csv
import random
import re
import tomllib
import zlib
from collections.abc import Sequence
from pathlib import Path

import documentation

from nsllm.scoring.toxicity import parts_read

HERE = Path(__file__).parent
DATA = HERE / "toxicity_data"
Labelled = tuple[str, float]
HELD_OUT = ("cmake", "celery", "werkzeug", "tornado")
"""Projects whose lines are not trained on."""

_README_LENGTH, _README_PARTS = 20_000, 150
"""Characters that are read of a README, and sentences and windows that are taken of it."""
_COUNTS = {
    "neutral": 450, "positive": 450, "negated_hate": 500, "counter_quote": 500,
    "counter_reference": 450, "reclaimed": 120, "homonym": 160, "profanity_no_target": 180,
    "abuse_thing": 450, "abuse_person": 380, "abuse_other_group": 480, "mention_with_thing": 400,
    "question_harmless": 160, "technical": 600, "names": 150, "threat_individual": 60,
}  # fmt: skip
"""Texts of a functionality in an epoch; of the hateful ones 340."""
_OPENINGS = (
    "Honestly, ",
    "lol ",
    "I swear ",
    "Look, ",
    "Well, ",
    "Sorry but ",
    "So ",
    "tbh ",
    "Again: ",
)
_NEIGHBOURS = (
    "It rained all day.", "See you tomorrow.", "That is all I have to say.", "I watched the match.",
    "Dinner is at seven.", "Anyway, how are you?", "The train was late again.", "Read the news.",
)  # fmt: skip
_LEET = str.maketrans("aeiost", "4310$7")
_IDENTITY = re.compile(
    r"\b(?:nigg|fag|dyke|trann|kike|chink|spic|paki|retard|coon|jews?\b|muslim|islam|black|gay\b|"
    r"immigra|migrant|mexic|jewish|homo|lesb|whites?\b|arab|asian|african|goy|n\*gg|cunt|whore|slut)",
    re.IGNORECASE,
)
"""What a text that its set calls harmless may be hateful about in another way than it looked at."""


class Templates:
    """The templates by functionality, and the lists that fill them."""

    def __init__(self) -> None:
        table = tomllib.loads((DATA / "lists.toml").read_text("utf-8"))
        self.lists: dict[str, list[str]] = table
        self.labels: dict[str, float] = {}
        self.trained: dict[str, list[str]] = {}
        self.held_out: dict[str, list[str]] = {}
        for section in (DATA / "templates.txt").read_text("utf-8").split("## ")[1:]:
            head, *rows = section.splitlines()
            name, label = head.split()
            rows = [row for row in rows if row.strip()]
            self.labels[name] = float(label)
            self.held_out[name] = rows[4::5]
            self.trained[name] = [row for i, row in enumerate(rows) if i % 5 != 4]
        every = [self.trained[name] for name, label in self.labels.items() if label]
        self._quotable = [row for rows in every for row in rows if "{S" not in row]

    def epoch(self, rng: random.Random) -> list[Labelled]:
        """Return the made texts of one epoch, some of them with a spelling trick."""
        found = []
        for name, rows in self.trained.items():
            for _ in range(_COUNTS.get(name, 340)):
                text = vary(self.fill(rng.choice(rows), rng), rng)
                found.append((trick(text, rng) if rng.random() < 0.15 else text, self.labels[name]))
        return found

    def dev(self, rng: random.Random, count: int = 60) -> dict[str, list[Labelled]]:
        """Return `count` texts of each functionality from held-out templates, half of them about
        held-out groups; and the hateful ones again under each spelling trick."""
        found = {}
        for name, rows in self.held_out.items():
            texts = [
                self.fill(rows[i % len(rows)], rng, strange=i // len(rows) % 2 == 1)
                for i in range(count)
            ]
            found[name] = [(text, self.labels[name]) for text in dict.fromkeys(texts)]
        hateful = [text for rows in found.values() for text, label in rows if label]
        for number, kind in enumerate(TRICKS):
            chosen = hateful[number :: len(TRICKS)][:count]
            found[f"spelling_{kind}"] = [(TRICKS[kind](text, rng), 1.0) for text in chosen]
        return found

    def fill(self, template: str, rng: random.Random, *, strange: bool = False) -> str:
        """Fill the places of a template; `strange` takes held-out groups and slurs."""
        lists = self.lists
        groups = lists["held_out_groups" if strange else "groups"]
        plural, singular, adjective = rng.choice(groups).split(" | ")
        slurs = rng.choice(lists["held_out_slurs" if strange else "slurs"]).split(" | ")
        hate = rng.choice(lists["hate"])

        def place(match: re.Match[str]) -> str:
            nonlocal plural
            key = match[1]
            if key == "P":
                value, plural = plural, rng.choice(groups).split(" | ")[0]
                return value
            fixed = {
                "S": singular, "A": adjective, "SP": slurs[0], "SS": slurs[1],
                "a_SS": _article(slurs[1]), "hate": hate,
                "hate_plain": rng.choice(lists["hate"][:4]),
                "hate_past": rng.choice(("hated", "despised", "loathed", "detested")),
                "love_plain": rng.choice(lists["love"][:4]), "O": rng.choice(lists["thing"]),
                "N": rng.choice(lists["other_people"]), "X": rng.choice(lists["person"]),
                "a_job": _article(rng.choice(lists["job"])),
                "name": rng.choice(lists["first_name"]),
                "a_bad_person": _article(rng.choice(lists["bad_people"]).rstrip("s")),
                "harmed_mild": rng.choice(("punished", "banned", "locked up", "fined", "ashamed")),
            }  # fmt: skip
            if key == "Q":
                return self.fill(rng.choice(self._quotable), rng, strange=strange)
            return fixed[key] if key in fixed else rng.choice(lists[key])

        # A plural that is named again in the same sentence stays the same, unless two are joined.
        both = "{P} and {P}" in template
        keep = plural
        text = re.sub(r"\{P\}", keep, template) if not both else template
        text = re.sub(r"\{(\w+)\}", place, text)
        return text[:1].upper() + text[1:]


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def vary(text: str, rng: random.Random) -> str:
    """Change what does not matter: case, the closing stop, an opening, a neighbouring sentence."""
    draw = rng.random()
    if draw < 0.08:
        return text.lower()
    if draw < 0.16:
        return text.rstrip(".")
    if draw < 0.22:
        return text.rstrip(".") + rng.choice(("!", "!!!", "...", " 🤮", " 😂", " smh"))
    if draw < 0.28:
        return rng.choice(_OPENINGS) + text[:1].lower() + text[1:]
    if draw < 0.36:
        return f"{rng.choice(_NEIGHBOURS)} {text}"
    if draw < 0.44:
        return f"{text} {rng.choice(_NEIGHBOURS)}"
    return text.upper() if draw < 0.46 else text


def _word(text: str, rng: random.Random) -> re.Match[str]:
    """Choose one of the longer words: most of what tells is long."""
    words = sorted(re.finditer(r"\w+", text), key=lambda m: -len(m[0]))[:4]
    return rng.choice(words)


def _swap(text: str, rng: random.Random) -> str:
    word = _word(text, rng)
    at = word.start() + rng.randrange(max(1, len(word[0]) - 1))
    return text[:at] + text[at : at + 2][::-1] + text[at + 2 :]


def _miss(text: str, rng: random.Random) -> str:
    word = _word(text, rng)
    at = word.start() + rng.randrange(1, max(2, len(word[0])))
    return text[:at] + text[at + 1 :]


def _join(text: str, rng: random.Random) -> str:
    gaps = [m.start() for m in re.finditer(" ", text)]
    for at in sorted(rng.sample(gaps, min(len(gaps), rng.choice((1, 2)))), reverse=True):
        text = text[:at] + text[at + 1 :]
    return text


def _space(text: str, rng: random.Random) -> str:
    word = _word(text, rng)
    spaced = rng.choice((" ", " ", ".", "-")).join(word[0])
    return text[: word.start()] + spaced + text[word.end() :]


def _leet(text: str, rng: random.Random) -> str:
    if rng.random() < 0.4:
        return text.translate(_LEET)
    word = _word(text, rng)
    return text[: word.start()] + word[0].translate(_LEET) + text[word.end() :]


TRICKS = {"swapped": _swap, "missing": _miss, "joined": _join, "spaced": _space, "leet": _leet}


def trick(text: str, rng: random.Random) -> str:
    """Apply one of the spelling tricks, whatever the text says."""
    return rng.choice(list(TRICKS.values()))(text, rng) if " " in text else text


class Public:
    """The public sets of one folder (edos, surge_toxicity, toxigen_prompts), parted by row."""

    def __init__(self, folder: Path) -> None:
        rng = random.Random(7)
        edos = _rows(folder / "edos" / "edos_labelled_aggregated.csv")
        self.edos = [
            (_plain(row["text"]), float(row["label_sexist"] == "sexist"))
            for row in edos
            if row["split"] == "train"
            and (row["label_sexist"] == "sexist" or not _IDENTITY.search(row["text"]))
        ]
        self.edos_dev = [
            (_plain(row["text"]), float(row["label_sexist"] == "sexist"))
            for row in edos
            if row["split"] == "dev"
        ]
        # An insult of one person is toxic there and not here: only what is clear is taken.
        surge = _rows(folder / "surge_toxicity" / "toxicity_en.csv")
        self.surge = [
            (row["text"], float(row["is_toxic"] == "Toxic"))
            for row in surge
            if row["is_toxic"] == "Not Toxic" or _IDENTITY.search(row["text"])
        ]
        statements = [
            (row["text"], float(row["label"] == "hate"))
            for row in _rows(folder / "toxigen_prompts" / "statements.csv")
        ]
        rng.shuffle(statements)
        self.statements_dev, self.statements = statements[:130], statements[130:]

    def epoch(self, rng: random.Random) -> list[Labelled]:
        """Return the public texts of one epoch."""
        hateful = [row for row in self.edos if row[1]]
        harmless = [row for row in self.edos if not row[1]]
        return [
            *rng.sample(hateful, 1200),
            *rng.sample(harmless, 1300),
            *self.surge,
            *(self.statements * 2),
        ]


class Lines:
    """Lines of documentation, all of them harmless; some projects are held out."""

    def __init__(self, root: Path, held_out: tuple[str, ...]) -> None:
        self.trained: list[str] = []
        self.held_out: list[str] = []
        for project, line in documentation.lines(root):
            (self.held_out if project.startswith(held_out) else self.trained).append(line)
        random.Random(3).shuffle(self.held_out)

    def epoch(self, rng: random.Random) -> list[Labelled]:
        """Return the lines of one epoch."""
        return [(line, 0.0) for line in rng.sample(self.trained, 1800)]


class Readmes:
    """Sentences of READMEs as they are checked: fragments, tokens, lists of names; all harmless.

    The folder holds one file for each package; those of some packages are held out.
    """

    def __init__(self, folder: Path) -> None:
        rng = random.Random(4)
        files = sorted(path for path in folder.iterdir() if path.suffix in {".md", ".rst"})
        self.trained: list[str] = []
        self.held_out: list[str] = []
        for path in files:
            # By the name alone, so that what is held out stays so when packages are added.
            is_held_out = zlib.crc32(path.stem.encode()) % 4 == 0
            parts = parts_read(path.read_text("utf-8")[:_README_LENGTH])
            taken = rng.sample(parts, min(len(parts), _README_PARTS))
            (self.held_out if is_held_out else self.trained).extend(taken)
        rng.shuffle(self.trained)
        rng.shuffle(self.held_out)

    def epoch(self, rng: random.Random, hard: Sequence[str]) -> list[Labelled]:
        """Return the sentences of one epoch: of those that were nearly called toxic, and others."""
        chosen = [*rng.sample(hard, min(len(hard), 2500)), *rng.sample(self.trained, 2500)]
        return [(text, 0.0) for text in chosen]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _plain(text: str) -> str:
    return text.replace("[USER]", "").replace("[URL]", "").strip()
