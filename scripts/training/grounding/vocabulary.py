"""Words that mean the same, and words that do not."""

SYNONYMS = """
use|employ|utilize; uses|employs|utilizes; used|employed|utilized; using|employing|utilizing
start|begin; starts|begins; started|began; starting|beginning; stop|halt; stops|halts
create|make; creates|makes; created|made; creating|making; show|display; shows|displays
showed|displayed; shown|displayed; showing|displaying; remove|delete; removes|deletes
removed|deleted; removing|deleting; change|modify; changes|modifies; changed|modified
changing|modifying; get|obtain; gets|obtains; getting|obtaining; allow|permit; allows|permits
allowed|permitted; allowing|permitting; let|allow; lets|allows; need|require; needs|requires
needed|required; help|assist; helps|assists; try|attempt; tries|attempts; tried|attempted
specify|state; specifies|states; specified|given; provide|offer; provides|offers
provided|offered; providing|offering; contain|include; contains|includes; containing|including
receive|get; receives|gets; received|got; build|construct; builds|constructs; built|constructed
choose|select; chooses|selects; chosen|selected; pick|choose; ensure|make sure; ensures|makes sure
happen|occur; happens|occurs; happened|occurred; finish|complete; finished|completed
wait|pause; check|verify; checks|verifies; checked|verified; fetch|retrieve; fetches|retrieves
fetched|retrieved; store|keep; stores|keeps; stored|kept; send|transmit; sends|transmits
raise|throw; raises|throws; raised|thrown; describe|explain; describes|explains
described|explained; define|specify; defines|specifies; run|execute; runs|executes
running|executing; launch|start; launched|started; buy|purchase; bought|purchased
say|state; said|stated; says|states; tell|inform; told|informed; think|believe; thinks|believes
die|pass away; died|passed away; live|reside; lives|resides; lived|resided; win|claim
join|enter; joined|entered; leave|depart; left|departed; return|come back; returned|came back
big|large; bigger|larger; biggest|largest; small|little; fast|quick; faster|quicker; quickly|fast
simple|easy; simpler|easier; simply|just; important|significant; main|primary; whole|entire
usually|typically|normally; often|frequently; also|additionally; currently|at present|presently
immediately|at once; automatically|by itself; about|approximately|around; nearly|almost
several|multiple; many|numerous; many|a lot of; various|different; enough|sufficient
however|but; therefore|thus|hence; because|since|as; although|though|even though; while|whereas
if|when|in case; before|prior to; after|following; during|in the course of; within|inside
via|through|by means of; to|in order to; until|till; per|for each; each|every; any|whichever
error|failure; errors|failures; bug|defect; bugs|defects; issue|problem; issues|problems
option|setting; options|settings; argument|parameter; arguments|parameters; folder|directory
folders|directories; directory|folder; directories|folders; function|routine; method|function
way|manner; kind|type|sort; kinds|types; part|portion; parts|portions; list|sequence
result|outcome; results|outcomes; value|quantity; size|extent; feature|capability
features|capabilities; task|job; tasks|jobs; user|client; users|clients; goal|aim; example|instance
company|firm; film|movie; films|movies; movie|film; movies|films; car|automobile; picture|image
pictures|images; house|home; job|position; city|town; child|kid; children|kids; author|writer
team|squad; match|game; country|nation; countries|nations; war|conflict; doctor|physician
student|pupil; students|pupils; teacher|instructor; lawyer|attorney; award|prize; awards|prizes
founded|established; famous|well-known; popular|well-liked; first|initial; final|last; new|novel
old|former; rich|wealthy; begin|start; began|started; ended|finished; grew|rose; fell|dropped
located|situated; killed|slain; wed|married; born|brought into the world; named|called
known as|called; called|named; part of|a component of; such as|like; for example|for instance
in addition|additionally; as well as|and also; due to|because of; because of|owing to
able to|capable of; has to|must; have to|must; at the moment|right now; a number of|several
in the United States|in the US; United States|US; United Kingdom|UK; approximately|about
maximum|largest allowed; default|standard; optional|not required; mandatory|required
equivalent|the same; identical|exactly the same; deprecated|discouraged; available|accessible
"""

ANTONYMS = """
before|after; above|below; increase|decrease; increases|decreases; increased|decreased
increasing|decreasing; first|last; maximum|minimum; largest|smallest; highest|lowest; higher|lower
larger|smaller; more|less; most|least; fastest|slowest; faster|slower; fast|slow; early|late
earlier|later; enable|disable; enables|disables; enabled|disabled; enabling|disabling
allow|forbid; allows|forbids; allowed|forbidden; required|optional; optional|required
mandatory|optional; true|false; True|False; left|right; top|bottom; start|end; starts|ends
started|ended; begins|ends; began|ended; open|close; opens|closes; opened|closed; opening|closing
add|remove; adds|removes; added|removed; adding|removing; include|exclude; includes|excludes
included|excluded; including|excluding; with|without; inside|outside; public|private; read|write
reads|writes; reading|writing; input|output; client|server; synchronous|asynchronous
synchronously|asynchronously; success|failure; succeeds|fails; succeeded|failed; successful|failed
accept|reject; accepts|rejects; accepted|rejected; valid|invalid; safe|unsafe; mutable|immutable
static|dynamic; ascending|descending; encode|decode; encodes|decodes; encoding|decoding
encrypt|decrypt; import|export; imports|exports; load|save; loads|saves; loaded|saved; send|receive
sends|receives; sent|received; request|response; requests|responses; parent|child; local|remote
local|global; temporary|permanent; manual|automatic; manually|automatically; explicit|implicit
explicitly|implicitly; internal|external; upper|lower; uppercase|lowercase; push|pull; up|down
upload|download; new|old; newer|older; newest|oldest; same|different; similar|different
easy|difficult; easier|harder; simple|complex; possible|impossible; cheap|expensive
strong|weak; good|bad; better|worse; best|worst; win|lose; won|lost; wins|loses; bought|sold
born|died; rose|fell; rising|falling; gained|lost; joined|left; arrived|left; married|divorced
positive|negative; north|south; northern|southern; east|west; eastern|western; male|female
man|woman; men|women; he|she; his|her; father|mother; brother|sister; brothers|sisters; son|daughter
husband|wife; boy|girl; king|queen; actor|actress; morning|evening; day|night; summer|winter
winner|loser; victory|defeat; support|oppose; supports|opposes; supported|opposed; agreed|refused
confirmed|denied; legal|illegal; guilty|innocent; rural|urban; ancient|modern; young|old
younger|older; rich|poor; black|white; red|blue; green|yellow; hot|cold; dry|wet; hard|soft
full|empty; single|double; even|odd; odd|even; both|neither; appends|prepends; append|prepend
blocking|non-blocking; sorted|unsorted; ordered|unordered; signed|unsigned; strict|lenient
expand|collapse; lock|unlock; install|uninstall; installed|uninstalled; connect|disconnect
connected|disconnected; show|hide; shows|hides; shown|hidden; visible|hidden; stable|unstable
majority|minority; import|export; ally|enemy; buyer|seller; teacher|student; doctor|patient
senior|junior; major|minor; domestic|foreign; national|international; former|current
previous|next; previously|subsequently; beginning|end; front|back; near|far; long|short
longer|shorter; longest|shortest; wide|narrow; high|low; big|small; great|small; few|many
"""

QUANTIFIERS = """
all|some|few|no; every|no|some; each|no; always|never|sometimes|rarely; never|always|often
some|all|no; many|few; most|few|all; often|rarely|never; usually|always|never|rarely
sometimes|always|never; at least|at most; at most|at least; more than|less than|exactly
less than|more than; fewer than|more than; up to|at least|more than; must|may|must not|need not
may|must|cannot; should|should not|must; can|cannot|must; only|also|not only; any|no; both|neither
exactly|at least|about; about|exactly; nearly|more than; none|all; everyone|no one|someone
anyone|no one; everything|nothing; nothing|everything; twice|once|three times; once|twice
half|double|a third; double|half; several|two; hundreds|thousands; thousands|millions|hundreds
millions|billions|thousands; million|billion|thousand; billion|million; optionally|always
"""

MONTHS = (
    "January February March April May June July August September October November December".split()
)
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()

CARDINALS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
).split()

UNITS = (
    (("ns", "nanoseconds"), ("us", "microseconds"), ("ms", "milliseconds"), ("s", "seconds"),
     ("min", "minutes"), ("h", "hours"), ("days", "days"), ("weeks", "weeks"),
     ("months", "months"), ("years", "years")),
    (("bytes", "bytes"), ("KB", "kilobytes"), ("MB", "megabytes"), ("GB", "gigabytes"),
     ("TB", "terabytes")),
    (("KiB", "kibibytes"), ("MiB", "mebibytes"), ("GiB", "gibibytes")),
    (("mm", "millimetres"), ("cm", "centimetres"), ("m", "metres"), ("km", "kilometres"),
     ("miles", "miles"), ("feet", "feet"), ("inches", "inches")),
    (("g", "grams"), ("kg", "kilograms"), ("tons", "tons"), ("pounds", "pounds")),
    (("Hz", "hertz"), ("kHz", "kilohertz"), ("MHz", "megahertz"), ("GHz", "gigahertz")),
    (("%", "percent"), ("points", "points")),
    (("dollars", "dollars"), ("euros", "euros"), ("pounds", "pounds")),
    (("characters", "characters"), ("lines", "lines"), ("words", "words"), ("bytes", "bytes")),
)  # fmt: skip

LEADS = (
    "Note that ", "According to the documentation, ", "In other words, ", "As described, ",
    "Yes, ", "Well, ", "I think ", "Yeah, ", "Oh, ", "Actually, ", "In fact, ", "It says that ",
    "I know that ", "Did you know that ", "I believe ", "Basically, ", "Also, ", "That is, ",
    "So ", "Right, ", "Sure, ", "I heard that ", "I read that ", "Here, ", "By the way, ",
)  # fmt: skip

OPINIONS = (
    "I love it", "it is my favorite", "it is a great choice", "I have never tried it",
    "it is very popular", "I think it is really interesting", "you should try it sometime",
    "it is a lot of fun", "I used to do that when I was younger", "it is one of the best",
    "many people enjoy it", "I am not a fan of it", "it was a huge success", "it is very reliable",
    "it is the most common choice", "everyone knows about it", "it is widely considered the best",
    "I like it a lot", "my family does that every year", "it can be very expensive",
    "it has been around for a long time", "it is easy to learn", "I would recommend it",
)  # fmt: skip


def table(text: str) -> dict[str, list[str]]:
    """Read 'word|other|other; …' lines: the words that may take the place of each word."""
    found: dict[str, list[str]] = {}
    for group in text.replace("\n", ";").split(";"):
        first, *others = (word.strip() for word in group.split("|"))
        if others:
            found.setdefault(first, []).extend(others)
    return found


def mutual(text: str) -> dict[str, list[str]]:
    """Read such lines as pairs that take each other's place."""
    found = table(text)
    for first, others in list(found.items()):
        for other in others:
            found.setdefault(other, []).append(first)
    return {word: sorted(set(others) - {word}) for word, others in found.items()}
