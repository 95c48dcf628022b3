"""A fictional CPF, every way in which people write one, and the variants that a flow can ask for.

`{{ cpf }}` is written differently each time; `{{ cpf.typo }}`, `{{ cpf.short }}` … are the properties below. All chance
comes from the conversation's own Random.
"""

from __future__ import annotations

from random import Random

from datagen.numerals import DIGIT_WORDS, number_in_words
from datagen.values import Digits, Value

CPF_DEMANDS = {"no_zero"}
"""Variants that only a CPF with a leading zero has."""


def check_digits(base: str) -> str:
    """The two check digits of a nine-digit CPF base (mod 11, weights 10…2 and 11…2)."""
    digits = [int(digit) for digit in base]
    for _ in range(2):
        total = sum(weight * digit for weight, digit in zip(range(len(digits) + 1, 1, -1), digits, strict=True))
        digits.append(0 if total % 11 < 2 else 11 - total % 11)
    return f"{digits[-2]}{digits[-1]}"


def _grouped(digits: str, *sizes: int) -> list[str]:
    groups, start = [], 0
    for size in sizes:
        groups.append(digits[start : start + size])
        start += size
    return groups


def _odd_groups(digits: str, rng: Random) -> str:
    return " ".join(_grouped(digits, *rng.choice([(4, 4, 3), (3, 2, 2, 2, 2), (2, 2, 2, 2, 2, 1), (5, 6), (6, 5)])))


def _typed_separators(digits: str, rng: Random) -> str:
    a, b, c, d = _grouped(digits, 3, 3, 3, 2)
    return rng.choice([f"{a},{b},{c}-{d}", f"{a}.{b}.{c}--{d}", f"{a} .{b}. {c} - {d}", f"{a}.{b}{c}-{d}"])


def _spelled(digits: str, rng: Random) -> str:
    six = rng.choice(["seis", "meia"])
    words = [six if digit == "6" else DIGIT_WORDS[int(digit)] for digit in digits]
    joint = rng.choice([" ", " ", ", "])
    if joint == " ":
        return " ".join(words)
    return ", ".join(" ".join(group) for group in (words[:3], words[3:6], words[6:9], words[9:]))


def _in_number_words(digits: str, rng: Random) -> str:
    def say(group: str) -> str:
        zeros = len(group) - len(group.lstrip("0"))
        rest = group.lstrip("0")
        return " ".join(["zero"] * zeros + ([number_in_words(int(rest))] if rest else []))

    return ", ".join(say(group) for group in _grouped(digits, 3, 3, 3, 2))


def _dictated(digits: str, rng: Random) -> str:
    a, b, c, d = _grouped(digits, 3, 3, 3, 2)
    return rng.choice([f"{a} ponto {b} ponto {c} traço {d}", f"{a}, {b}, {c}, traço {d}", f"{a} {b} {c} traço {d}"])


def _emoji(digits: str, rng: Random) -> str:
    return "".join(f"{digit}\ufe0f\u20e3" for digit in digits)


def _full_width(digits: str, rng: Random) -> str:
    return "".join(chr(0xFF10 + int(digit)) for digit in digits)


def _with_separators(first: str, second: str, third: str):
    def write(digits: str, rng: Random) -> str:
        a, b, c, d = _grouped(digits, 3, 3, 3, 2)
        return f"{a}{first}{b}{second}{c}{third}{d}"

    return write


CPF_FORMS = (
    (34, lambda digits, rng: digits),
    (24, _with_separators(".", ".", "-")),
    (5, _with_separators(".", ".", ".")),
    (3, _with_separators(".", ".", "/")),
    (6, _with_separators("", "", "-")),
    (7, _with_separators(" ", " ", " ")),
    (3, _odd_groups),
    (3, _with_separators("", "", " ")),
    (2, _with_separators("-", "-", "-")),
    (3, _typed_separators),
    (3, _spelled),
    (1, _in_number_words),
    (2, _dictated),
    (0.4, _emoji),
    (0.3, _full_width),
)
"""Weight and writer of each way of writing eleven digits."""
_CPF_WEIGHTS = [weight for weight, _ in CPF_FORMS]


class Cpf(Value):
    """Eleven digits with right check digits; the variants are derived from it once per conversation.

    `share` is (residues, modulus): which nine-digit bases belong to this split, so that no two splits share a CPF.
    """

    def __init__(self, rng: Random, digits: str, share: tuple[range, int]) -> None:
        super().__init__(rng)
        self.digits = digits
        self._share = share
        self._variants: dict[str, Cpf] = {}

    @classmethod
    def draw(cls, rng: Random, share: tuple[range, int], *, leading_zero: bool = False) -> Cpf:
        """A fictional CPF over the whole space; four of five were issued in the region of RN, PE, PB and AL (4)."""
        residues, modulus = share
        while True:
            region = "4" if rng.random() < 0.8 else str(rng.randrange(10))
            base = f"{rng.randrange(10**8):08d}{region}"
            if leading_zero:
                base = "0" + base[1:]
            if int(base) % modulus in residues and len(set(base)) > 1:
                return cls(rng, base + check_digits(base), share)

    def written(self) -> str:
        """One surface form."""
        ((_, write),) = self._rng.choices(CPF_FORMS, _CPF_WEIGHTS)
        return write(self.digits, self._rng)

    def _derive(self, name: str) -> Cpf:
        if name not in self._variants:
            draw = {"typo": self._mistyped, "other": self._another}[name]
            self._variants[name] = Cpf(self._rng, draw(), self._share)
        return self._variants[name]

    def _mistyped(self) -> str:
        residues, modulus = self._share
        while True:
            digits = list(self.digits)
            at = self._rng.randrange(10)
            if self._rng.random() < 0.5:
                digits[at], digits[at + 1] = digits[at + 1], digits[at]
            else:
                digits[at] = str(self._rng.randrange(10))
            typed = "".join(digits)
            if check_digits(typed[:9]) != typed[9:] and int(typed[:9]) % modulus in residues:
                return typed

    def _another(self) -> str:
        while True:
            digits = Cpf.draw(self._rng, self._share).digits
            if digits != self.digits:
                return digits

    @property
    def typo(self) -> Cpf:
        """One digit wrong or two swapped: eleven digits whose check digits are wrong."""
        return self._derive("typo")

    @property
    def other(self) -> Cpf:
        """Another valid CPF."""
        return self._derive("other")

    @property
    def bare(self) -> Digits:
        """11 digits."""
        return Digits(self._rng, self.digits)

    @property
    def dotted(self) -> Digits:
        """000.000.000-00."""
        return Digits(self._rng, _with_separators(".", ".", "-")(self.digits, self._rng))

    @property
    def spelled(self) -> Digits:
        """Digit by digit, in words."""
        return Digits(self._rng, _spelled(self.digits, self._rng))

    def _with(self, first: str, second: str, third: str) -> Digits:
        return Digits(self._rng, _with_separators(first, second, third)(self.digits, self._rng))

    @property
    def slash(self) -> Digits:
        """529.982.247/25."""
        return self._with(".", ".", "/")

    @property
    def commas(self) -> Digits:
        """529,982,247-25."""
        return self._with(",", ",", self._rng.choice("-,"))

    @property
    def dots(self) -> Digits:
        """529.982.247.25."""
        return self._with(".", ".", ".")

    @property
    def dashes(self) -> Digits:
        """529-982-247-25."""
        return self._with("-", "-", "-")

    @property
    def one_dash(self) -> Digits:
        """529982247-25."""
        return self._with("", "", "-")

    @property
    def spaced(self) -> Digits:
        """529 982 247 25."""
        return self._with(" ", " ", " ")

    @property
    def underscored(self) -> Digits:
        """529_982_247_25."""
        return self._with("_", "_", self._rng.choice("_-"))

    @property
    def doubled(self) -> Digits:
        """529..982..247--25: keys pressed twice."""
        return self._with(self._rng.choice(["..", "."]), self._rng.choice([". ", ".."]), "--")

    @property
    def odd_groups(self) -> Digits:
        """Blanks where nobody expects them."""
        return Digits(self._rng, _odd_groups(self.digits, self._rng))

    @property
    def emoji(self) -> Digits:
        """Keycap emojis."""
        return Digits(self._rng, _emoji(self.digits, self._rng))

    @property
    def full_width(self) -> Digits:
        """The wide digits of East Asian keyboards."""
        return Digits(self._rng, _full_width(self.digits, self._rng))

    @property
    def printed(self) -> Digits:
        """529·982·247–25: the marks of printed pages."""
        return self._with(*self._rng.choice([("·", "·", "–"), (".", ".", "–"), (".", ".", "—")]))

    @property
    def number_words(self) -> Digits:
        """In words, by threes: quinhentos e vinte e nove …"""
        return Digits(self._rng, _in_number_words(self.digits, self._rng))

    @property
    def dictated(self) -> Digits:
        """529 ponto 982 ponto 247 traço 25."""
        return Digits(self._rng, _dictated(self.digits, self._rng))

    @property
    def short(self) -> Digits:
        """Ten digits: one was left out."""
        at = self._rng.randrange(1, 10)
        return Digits(self._rng, self.digits[:at] + self.digits[at + 1 :])

    @property
    def nine(self) -> Digits:
        """Nine digits: the check digits are missing."""
        return Digits(self._rng, self._rng.choice([self.digits[:9], ".".join(_grouped(self.digits, 3, 3, 3))]))

    @property
    def long(self) -> Digits:
        """Twelve digits: one was typed twice."""
        at = self._rng.randrange(11)
        return Digits(self._rng, self.digits[:at] + self.digits[at] + self.digits[at:])

    @property
    def no_zero(self) -> Digits:
        """The leading zero is lost: ten digits."""
        return Digits(self._rng, self.digits.lstrip("0").rjust(10, "0"))

    @property
    def first_half(self) -> Digits:
        """The first six digits."""
        return Digits(self._rng, self._rng.choice([self.digits[:6], ".".join(_grouped(self.digits, 3, 3))]))

    @property
    def middle(self) -> Digits:
        """The three digits after the first six."""
        return Digits(self._rng, self.digits[6:9])

    @property
    def last_two(self) -> Digits:
        """The check digits."""
        return Digits(self._rng, self.digits[9:])

    @property
    def second_half(self) -> Digits:
        """The last five digits."""
        return Digits(self._rng, self._rng.choice([self.digits[6:], f"{self.digits[6:9]}-{self.digits[9:]}"]))

    @property
    def repeated(self) -> Digits:
        """All digits equal: nobody's CPF."""
        digit = str(self._rng.randrange(10))
        return Digits(self._rng, self._rng.choice([digit * 11, "{0}.{0}.{0}-{1}".format(digit * 3, digit * 2)]))

    @property
    def letter(self) -> Digits:
        """A letter stands where a digit looks like it."""
        looks = {"0": "O", "1": "l", "5": "S", "8": "B"}
        places = [at for at, digit in enumerate(self.digits) if digit in looks] or [10]
        at = self._rng.choice(places)
        return Digits(self._rng, self.digits[:at] + looks.get(self.digits[at], "S") + self.digits[at + 1 :])

    @property
    def masked(self) -> Digits:
        """With asterisks."""
        a, b, _, d = _grouped(self.digits, 3, 3, 3, 2)
        return Digits(self._rng, self._rng.choice([f"{a}.***.***-{d}", f"***.{b}.***-**", f"{a}.***.***-**"]))

    @property
    def unreadable(self) -> Digits:
        """A question mark stands for a digit that cannot be read."""
        at = self._rng.randrange(1, 10)
        text = f"{self.digits[:at]}?{self.digits[at + 1 :]}"
        return Digits(self._rng, ".".join(_grouped(text, 3, 3, 3)) + "-" + text[9:])

    @property
    def start(self) -> Digits:
        """The first three digits."""
        return Digits(self._rng, self.digits[:3])

    @property
    def end(self) -> Digits:
        """The last four digits."""
        return Digits(self._rng, self.digits[-4:])
