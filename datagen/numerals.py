"""Numbers and months as Brazilians say them."""

from __future__ import annotations

MONTHS = "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro".split()
DIGIT_WORDS = "zero um dois três quatro cinco seis sete oito nove".split()
_UNITS = (*DIGIT_WORDS, *"dez onze doze treze quatorze quinze dezesseis dezessete dezoito dezenove".split())
_TENS = ("", "", *"vinte trinta quarenta cinquenta sessenta setenta oitenta noventa".split())
_HUNDREDS = (
    "",
    *"cento duzentos trezentos quatrocentos quinhentos seiscentos setecentos oitocentos novecentos".split(),
)


def number_in_words(number: int) -> str:
    """`number` (0 to 9999) as a Brazilian says it: 1985 → mil novecentos e oitenta e cinco."""
    if number < 20:
        return _UNITS[number]
    if number < 100:
        return _TENS[number // 10] + (f" e {_UNITS[number % 10]}" if number % 10 else "")
    if number == 100:
        return "cem"
    if number < 1000:
        return _HUNDREDS[number // 100] + (f" e {number_in_words(number % 100)}" if number % 100 else "")
    thousands = "mil" if number < 2000 else f"{_UNITS[number // 1000]} mil"
    rest = number % 1000
    if not rest:
        return thousands
    joint = " e " if rest < 100 or rest % 100 == 0 else " "
    return thousands + joint + number_in_words(rest)
