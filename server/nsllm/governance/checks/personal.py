"""Personal data in a text: addresses and numbers whose form and check digits are right."""

import re
from collections.abc import Iterator

from nsllm.governance.rules import Observation, Options, Rule, Subject
from nsllm.types import Severity

_EMAIL = re.compile(
    r"(?<![\w.+/@-])[A-Za-z0-9_][\w.+-]{0,63}@((?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24})(?![\w@-]|\.\w)"
)
# Domains that RFC 2606 and RFC 6761 reserve, and names of files such as logo@2x.png.
_NOBODY = re.compile(
    r"(?:^|\.)(?:example(?:\.[a-z]+)?|test|invalid|localhost|local)$"
    r"|\.(?:png|jpe?g|gif|svg|webp|js|ts|css|py|md|json|toml|ya?ml|git)$",
    re.IGNORECASE,
)
_ROLES = re.compile(
    r"(?:git|no-?reply|donotreply|user(?:name)?|you(?:r\.?name)?|name)@", re.IGNORECASE
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?\b")
# In groups of four; Mastercard's newer range, 2221 to 2720; American Express in its own groups.
_CARD = re.compile(
    r"(?<![\w.-])(?:[3-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,7}"
    r"|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)(?:[ -]?\d{4}){3}"
    r"|3[47]\d{2}[ -]\d{6}[ -]\d{5})(?![\w-]|\.\d)"
)
_PLUS = re.compile(r"\+\d")


def find_emails(subject: Subject, _options: Options) -> Iterator[Observation]:
    """Find e-mail addresses that may be a person's."""
    for match in _EMAIL.finditer(subject.text):
        if not _NOBODY.search(match[1]) and not _ROLES.match(match[0]):
            yield _observe(match.span(), "This is an e-mail address.")


def find_phones(subject: Subject, _options: Options) -> Iterator[Observation]:
    """Find telephone numbers with their country's code, valid by its numbering plan."""
    if not _PLUS.search(subject.text):
        return
    from phonenumbers import PhoneNumberMatcher

    for match in PhoneNumberMatcher(subject.text, None):
        yield _observe((match.start, match.end), "This is a telephone number.")


def find_ibans(subject: Subject, _options: Options) -> Iterator[Observation]:
    """Find bank account numbers whose country has their form, and whose check digits are right."""
    from stdnum import iban

    position = 0
    while match := _IBAN.search(subject.text, position):
        number, position = match[0], match.end()
        # A word in capitals behind it looks like one more group of it.
        while not iban.is_valid(number) and " " in number:
            number = number.rpartition(" ")[0]
        if iban.is_valid(number):
            position = match.start() + len(number)
            yield _observe((match.start(), position), "This is a bank account number (IBAN).")


def find_cards(subject: Subject, _options: Options) -> Iterator[Observation]:
    """Find payment card numbers: 13 to 19 digits of a card's range with the right check digit."""
    from stdnum import luhn

    for match in _CARD.finditer(subject.text):
        digits = re.sub(r"\D", "", match[0])
        if len(digits) <= 19 and len(set(digits)) > 1 and luhn.is_valid(digits):
            yield _observe(match.span(), "This is a payment card number.")


def _observe(span: tuple[int, int], message: str) -> Observation:
    return Observation(start=span[0], end=span[1], message=message)


_CONTACT = Options(severity=Severity.INFO)
_ACCOUNT = Options(severity=Severity.WARN)
_ADVICE = "Take it out, unless its owner wants it there."

RULES = (
    Rule(
        id="personal.email",
        summary="An e-mail address that may be a person's.",
        find=find_emails,
        options=_CONTACT,
        strict={"severity": "warn"},
        permissive={"enabled": False},
        advice=_ADVICE,
    ),
    Rule(
        id="personal.phone",
        summary="A telephone number with its country's code.",
        find=find_phones,
        options=_CONTACT,
        strict={"severity": "warn"},
        permissive={"enabled": False},
        advice=_ADVICE,
    ),
    Rule(
        id="personal.iban",
        summary="A bank account number (IBAN) whose check digits are right.",
        find=find_ibans,
        options=_ACCOUNT,
        strict={"severity": "reject"},
        advice=_ADVICE,
    ),
    Rule(
        id="personal.card",
        summary="A payment card number whose check digit is right.",
        find=find_cards,
        options=_ACCOUNT,
        strict={"severity": "reject"},
        advice=_ADVICE,
    ),
)
