"""The judge's own reading of CPFs and birth dates: tables of surface forms, and a property test against a renderer."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pycpfcnpj import cpf as oracle_two
from validate_docbr import CPF

from validators.cpf import check_digits, cpf_ok
from validators.dates import is_date, resolve, years
from validators.formats import find_cpfs, find_dates, scan

CASES = json.loads((Path(__file__).parent / "cases" / "formats.json").read_text(encoding="utf-8"))


def values(candidates, kind: str = "resolved") -> list[str]:
    return [candidate.value for candidate in candidates if candidate.kind == kind]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"])
def test_surface_form(case: dict) -> None:
    text = case["text"]
    assert values(find_cpfs(text)) == case["cpfs"]
    assert values(find_dates(text)) == case["dates"]
    assert [list(found.readings) for found in find_dates(text) if found.kind == "ambiguous"] == (
        [case["unclear"]] if "unclear" in case else []
    )
    assert any(found.kind == "invalid" for found in find_cpfs(text)) == case.get("invalid_cpf", False)
    assert any(found.kind == "invalid" for found in find_dates(text)) == case.get("impossible", False)
    if "labels" in case:
        assert [found.label for found in find_dates(text) if found.kind == "resolved"] == case["labels"]


def test_the_table_is_wide() -> None:
    assert len(CASES) >= 250
    assert len({case["text"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    ("text", "stretch"),
    [
        ("meu cpf é 529.982.247-25, ok?", "529.982.247-25"),
        ("é ５２９９８２２４７２５ tá", "５２９９８２２４７２５"),
        ("ação: 5️⃣2️⃣9️⃣9️⃣8️⃣2️⃣2️⃣4️⃣7️⃣2️⃣5️⃣ 👍", "5️⃣2️⃣9️⃣9️⃣8️⃣2️⃣2️⃣4️⃣7️⃣2️⃣5️⃣"),
        ("nasci em quinze de junho de oitenta e cinco, viu", "quinze de junho de oitenta e cinco"),
    ],
)
def test_spans_are_places_in_the_text_as_written(text: str, stretch: str) -> None:
    found = [candidate for candidate in (*find_cpfs(text), *find_dates(text)) if candidate.kind == "resolved"]
    assert [text[c.start : c.end].rstrip("\ufe0f\u20e3") for c in found] == [stretch.rstrip("\ufe0f\u20e3")]


def test_partial_values() -> None:
    assert values(find_cpfs("meu cpf é 529982"), "partial") == ["529982"]
    assert values(find_cpfs("cpf 5299822472"), "partial") == ["5299822472"]
    assert values(find_dates("faço aniversário 15/06"), "partial") == ["????0615"]
    assert values(find_dates("junho de 1985"), "partial") == ["198506??"]
    assert values(find_dates("mil novecentos e oitenta e cinco"), "partial") == ["1985????"]
    assert [c.note for c in find_cpfs("529.***.***-25")] == ["masked", "masked"]


def test_two_digit_years_follow_the_fixed_table() -> None:
    for short in range(100):
        expected = (1900 + short,) if short >= 31 else (2000 + short,) if short <= 19 else (1900 + short, 2000 + short)
        assert years(f"{short:02}") == expected
    assert resolve(29, (2,), "24").readings == ("19240229", "20240229")
    assert resolve(29, (2,), "30").kind == "invalid"


def test_is_date() -> None:
    assert (
        is_date("20000229") and not is_date("19000229") and not is_date("１９８５０６１５") and not is_date("1985061")
    )


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text("0123456789", min_size=9, max_size=9), st.text("0123456789", min_size=2, max_size=2))
def test_arithmetic_agrees_with_two_libraries(base: str, tail: str) -> None:
    assume(len(set(base)) > 1)
    good = base + check_digits(base)
    assert cpf_ok(good) and CPF().validate(good) and oracle_two.validate(good)
    assert cpf_ok(base + tail) == (base + tail == good)


# A small renderer of our own: what people write for a CPF and a date, chosen by number. It knows nothing of the parser.

DIGITS = "zero um dois três quatro cinco seis sete oito nove".split()
TEENS = "dez onze doze treze catorze quinze dezesseis dezessete dezoito dezenove".split()
TENS = "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa".split()
HUNDREDS = "cento duzentos trezentos quatrocentos quinhentos seiscentos setecentos oitocentos novecentos".split()
MONTHS = "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro".split()


def spell(number: int) -> str:
    """A number below 3000 in words."""
    if number < 10:
        return DIGITS[number]
    if number < 20:
        return TEENS[number - 10]
    if number < 100:
        rest = f" e {DIGITS[number % 10]}" if number % 10 else ""
        return TENS[number // 10 - 2] + rest
    if number == 100:
        return "cem"
    if number < 1000:
        rest = f" e {spell(number % 100)}" if number % 100 else ""
        return HUNDREDS[number // 100 - 1] + rest
    head = "mil" if number < 2000 else f"{DIGITS[number // 1000]} mil"
    if not number % 1000:
        return head
    joint = " e " if number % 1000 <= 100 or not number % 100 else " "
    return head + joint + spell(number % 1000)


def spell_group(group: str) -> str:
    zeros = len(group) - len(group.lstrip("0"))
    return " ".join(["zero"] * zeros + ([spell(int(group))] if group.strip("0") else []))


def cpf_forms(d: str) -> list[str]:
    a, b, c, v = d[:3], d[3:6], d[6:9], d[9:]
    words = [DIGITS[int(digit)] for digit in d]
    meia = ["meia" if word == "seis" else word for word in words]
    return [
        d, f"{a}.{b}.{c}-{v}", f"{a}.{b}.{c}.{v}", f"{a}.{b}.{c}/{v}", f"{a}{b}{c}-{v}", f"{a} {b} {c} {v}", f"{d[:4]} {d[4:8]} {d[8:]}",
        f"{d[:2]} {d[2:4]} {d[4:6]} {d[6:8]} {d[8:10]} {d[10]}", f"{a}{b}{c} {v}", f"{a}-{b}-{c}-{v}", f"{a},{b},{c}-{v}", f"{a} .{b}. {c} - {v}",
        f"{a}.{b}{c}-{v}", f"{a} ponto {b} ponto {c} traço {v}", f"{a}, {b}, {c}, traço {v}", " ".join(words), " ".join(meia),
        f"{' '.join(meia[:3])}, {' '.join(meia[3:6])}, {' '.join(meia[6:9])}, {' '.join(meia[9:])}",
        ", ".join(spell_group(group) for group in (a, b, c, v)), "".join(f"{digit}\ufe0f\u20e3" for digit in d),
        "".join(chr(ord(digit) + 0xFEE0) for digit in d), f"{a}{b}\n{c}{v}", f"{a}.{b}.\n{c}-{v}",
    ]  # fmt: skip


def date_forms(day: date) -> list[str]:
    d, m, y = day.day, day.month, day.year
    dd, mm, yy, name = f"{d:02}", f"{m:02}", f"{y % 100:02}", MONTHS[m - 1]
    forms = [
        f"{dd}/{mm}/{y}", f"{d}/{m}/{y}", f"{dd}-{mm}-{y}", f"{dd}.{mm}.{y}", f"{dd} {mm} {y}", f"{dd}{mm}{y}", f"{dd}/{name[:3]}/{y}",
        f"{d} {name[:3]} {y}", f"{d} de {name} de {y}", f"{d} de {name} {y}", f"{spell(d)} de {name} de {spell(y)}", f"dia {d} do {m} de {y}",
        f"dia {dd}/{mm} de {y}", f"{dd} do {mm} de {y}", f"{dd} / {mm} / {y}", f"{dd}//{mm}/{y}", f"{dd}/{mm}{y}", f"{dd}{mm}/{y}",
        f"{dd}\\{mm}\\{y}", f"{dd},{mm},{y}", f"{y}-{mm}-{dd}", f"{y}/{mm}/{dd}", f"{name} de {y}, dia {d}", f"{spell(d)} do {spell(m)} de {spell(y)}",
        f"{d} de {name}, sou de {y}", f"{d} de {name.replace('ç', 'c')}{name[-1]} de {y}",
    ]  # fmt: skip
    if not 20 <= y % 100 <= 30 and (1931 <= y <= 1999 or 2000 <= y <= 2019):
        forms += [
            f"{dd}/{mm}/{yy}", f"{d}/{m}/{yy}", f"{d}-{m}-{yy}", f"{dd}{mm}{yy}", f"{d} {name[:3]} {yy}", f"{d} de {name} de {yy}",
            f"dia {d} do {m} de {yy}", f"{dd}/{mm} de {yy}", f"{d} de {name[:3]} de {yy}",
        ]  # fmt: skip
        if y % 100 > 30:
            forms += [f"{spell(d)} de {name} de {spell(y % 100)}", f"{spell(d)} do {spell(m)} de {spell(y % 100)}"]
    return forms


cpfs = (
    st.text("0123456789", min_size=9, max_size=9)
    .filter(lambda base: len(set(base)) > 2)
    .map(lambda base: base + check_digits(base))
)
born = st.dates(date(1931, 1, 1), date(2019, 12, 31))
phones = st.integers(0, 99_999_999).map(lambda n: f"9{n:08}")
BESIDE = [
    "tel (84) {p1}-{p2}", "meu celular é 84{p1}{p2}", "zap 84 {p1}-{p2}", "carteirinha 0999{p1}{p2}0001", "cns 7{p1}{p2}00012",
    "protocolo 335592202611230004{s2}", "paguei R$ 612,40", "o boleto vence dia 10/12/2026", "consulta marcada pro dia 20/07/2026", "são 3 pessoas",
]  # fmt: skip
FRAMES = [
    "cpf {cpf}, nascimento {date}", "{cpf} {date}", "nasci {date}, meu cpf é {cpf}", "{cpf}\n{date}", "oi, cpf {cpf} e nasc {date}",
    "data de nascimento {date}; cpf {cpf}", "CPF: {cpf} - DN: {date}", "é {cpf} e {date} pode ver aí", "{cpf}, {date}",
]  # fmt: skip


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.data(), cpfs)
def test_any_cpf_in_any_form(data: st.DataObject, digits: str) -> None:
    text = data.draw(st.sampled_from(["{}", "meu cpf é {}", "CPF:{}", "segue {} ok", "o da minha mãe: {}."])).format(
        data.draw(st.sampled_from(cpf_forms(digits)))
    )
    assert digits in values(find_cpfs(text)), text


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.data(), born)
def test_any_date_in_any_form(data: st.DataObject, day: date) -> None:
    text = data.draw(st.sampled_from(["{}", "nasci em {}", "nasc: {}", "minha data é {}, tá?", "sou de {}."])).format(
        data.draw(st.sampled_from(date_forms(day)))
    )
    assert values(find_dates(text)) == [day.strftime("%Y%m%d")], text


@settings(max_examples=800, deadline=None, derandomize=True)
@given(st.data(), cpfs, born, phones)
def test_both_with_other_numbers_beside_them(data: st.DataObject, digits: str, day: date, phone: str) -> None:
    whole = [
        form for form in cpf_forms(digits) if "\n" not in form
    ]  # half a CPF and a bare date can make a CPF by chance
    frame = data.draw(st.sampled_from(FRAMES)).format(
        cpf=data.draw(st.sampled_from(whole)), date=data.draw(st.sampled_from(date_forms(day)))
    )
    beside = data.draw(st.sampled_from(BESIDE)).format(p1=phone[:5], p2=phone[5:], s2=phone[-2:])
    text = data.draw(
        st.sampled_from(["{frame}", "{frame}. {beside}", "{beside}. {frame}", "{beside}\n{frame}", "{frame}\n{beside}"])
    ).format(frame=frame, beside=beside)
    assert digits in values(find_cpfs(text)), text
    usable = [found for found in find_dates(text) if found.kind == "resolved" and found.label != "other"]
    assert [found.value for found in usable] == [day.strftime("%Y%m%d")], text


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text())
def test_any_text_is_read_without_harm(text: str) -> None:
    for candidate in (*scan(text).cpfs, *scan(text).dates):
        assert 0 <= candidate.start < candidate.end <= len(text)
