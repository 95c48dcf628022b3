"""CPFs and birth dates: independent libraries agree, every written form still says the same number."""

import datetime as dt
import re
from random import Random

import pytest
from pycpfcnpj import cpfcnpj
from validate_docbr import CPF

from datagen.birth_date import BirthDate
from datagen.cpf import CPF_FORMS, Cpf, check_digits
from datagen.date_forms import DATE_FORMS
from datagen.numerals import MONTHS, number_in_words
from datagen.people import SHARES, draw_person
from datagen.values import CLOSE, OPEN

TODAY = dt.date(2026, 3, 14)
EVERYBODY = (range(12), 12)


def drawn(count: int, share=EVERYBODY) -> list[Cpf]:
    rng = Random("cpf")
    return [Cpf.draw(rng, share) for _ in range(count)]


def test_two_libraries_accept_every_drawn_cpf_and_no_mistyped_one():
    oracle = CPF()
    for cpf in drawn(500):
        assert oracle.validate(cpf.digits) and cpfcnpj.validate(cpf.digits)
        assert oracle.validate(cpf.other.digits) and cpf.other.digits != cpf.digits
        assert not oracle.validate(cpf.typo.digits) and not cpfcnpj.validate(cpf.typo.digits)
        assert len(cpf.typo.digits) == 11


@pytest.mark.parametrize("number", ["52998224725", "11144477735", "12345678909", "01234567890", "98765432100"])
def test_check_digits_of_known_numbers(number):
    assert check_digits(number[:9]) == number[9:]


def test_four_of_five_cpfs_come_from_the_region_of_rn_and_bases_repeat_digits_naturally():
    cpfs = drawn(3000)
    region = sum(cpf.digits[8] == "4" for cpf in cpfs) / len(cpfs)
    assert 0.78 < region < 0.86  # 80 % and a tenth of the rest
    assert sum(len(set(cpf.digits[:9])) < 9 for cpf in cpfs) / len(cpfs) > 0.97


NUMERIC = [write for _, write in CPF_FORMS if write.__name__ not in ("_spelled", "_in_number_words")]


@pytest.mark.parametrize("write", NUMERIC, ids=lambda write: write.__qualname__)
def test_numeric_forms_keep_the_digits(write):
    rng = Random("forms")
    for cpf in drawn(40):
        assert "".join(str(int(c)) for c in write(cpf.digits, rng) if c.isdigit()) == cpf.digits


def test_variants_are_what_they_say():
    for cpf in drawn(100):
        assert len(cpf.short.text) == 10 and len(cpf.long.text) == 12
        assert re.sub(r"\D", "", cpf.nine.text) == cpf.digits[:9]
        assert re.sub(r"\D", "", cpf.first_half.text + cpf.second_half.text) == cpf.digits
        assert len(set(re.sub(r"\D", "", cpf.repeated.text))) == 1
        assert "*" in cpf.masked.text and re.search("[A-Za-z]", cpf.letter.text)
    zero = Cpf.draw(Random(1), EVERYBODY, leading_zero=True)
    assert zero.digits[0] == "0" and zero.no_zero.text == zero.digits[1:]


@pytest.mark.parametrize("number, words", [(1985, "mil novecentos e oitenta e cinco"), (2000, "dois mil"), (21, "vinte e um"),
                                           (2010, "dois mil e dez"), (1900, "mil e novecentos"), (100, "cem")])  # fmt: skip
def test_numbers_in_words(number, words):
    assert number_in_words(number) == words


def test_birth_dates_cover_all_ages_and_every_form_keeps_day_month_and_year():
    rng = Random("dates")
    years = set()
    for _ in range(400):
        date = BirthDate.draw(rng, (0, 105), TODAY, EVERYBODY)
        assert dt.date(1920, 1, 1) <= date.date <= TODAY
        years.add(date.date.year)
        for _, write in DATE_FORMS:
            text = write(date.date, rng)
            assert text == text.strip() and text
            if write.__name__ not in ("in_words", "_day_of_month"):
                digits = [int(number) for number in re.findall(r"\d+", text)]
                assert digits, text
    assert len(years) > 90


def test_variants_of_dates():
    date = BirthDate(Random(1), dt.date(1985, 6, 15), TODAY, EVERYBODY)
    assert date.numeric.text == "15/06/1985" and date.american.text == "06/15/1985" and date.age.text == "40"
    with pytest.raises(ValueError):
        day, month, year = map(int, date.impossible.text.split("/"))
        dt.date(year, month, day)
    assert MONTHS[5] in date.month_year.text and "1985" in date.month_year.text
    assert str(date).startswith(OPEN) and str(date).endswith(CLOSE)


def test_no_two_splits_can_share_a_cpf_or_a_birth_date(people):
    rng = Random("shares")
    cpfs: dict[str, set] = {}
    days: dict[str, set] = {}
    for split in SHARES:
        persons = [draw_person(rng, people, TODAY, split) for _ in range(400)]
        cpfs[split] = {digits for p in persons for digits in (p.cpf.digits, p.cpf.typo.digits, p.cpf.other.digits)}
        days[split] = {day for p in persons for day in (p.birth_date.date, p.birth_date.typo.date)}
    for one, other in (("train", "eval"), ("train", "test"), ("eval", "test")):
        assert not cpfs[one] & cpfs[other] and not days[one] & days[other]


def test_relatives_are_of_an_age_that_goes_with_the_customers(people):
    def years(person):
        born = person.birth_date.date
        return TODAY.year - born.year - ((TODAY.month, TODAY.day) < (born.month, born.day))

    for kinship in people.kinship:
        for number in range(100):
            rng = Random(f"{kinship.word}:{number}")
            customer = draw_person(rng, people, TODAY, "train", kinship=kinship)
            relative = draw_person(rng, people, TODAY, "train", kinship=kinship, family=customer)
            assert years(customer) >= 18 and customer.kinship is None and relative.gender == kinship.gender
            assert kinship.older[0] <= years(relative) - years(customer) <= kinship.older[1], kinship.word
            assert kinship.age[0] <= years(relative) <= kinship.age[1]


def test_a_customer_is_as_the_flow_says(people):
    for number in range(200):
        person = draw_person(Random(number), people, TODAY, "train", gender="f", age=(20, 30))
        assert person.gender == "f" and 1995 <= person.birth_date.date.year <= 2006


@pytest.fixture(scope="module")
def people():
    from pathlib import Path

    from datagen.pack import load_pack

    return load_pack(Path("tests/packs/plano_aurora")).people
