"""The judge's parser against the generator's renderer: two writers of the same forms who share no code.

Whatever form the renderer chooses for a CPF and a birth date, in a sentence, over several messages, with a telephone,
a card, a protocol or an appointment beside it, the parser finds that value, and no other value passes for it.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.cpf import CPF_FORMS
from datagen.date_forms import DATE_FORMS
from validators.check import Settings, judge_row
from validators.cpf import check_digits
from validators.profiles import selection

ONLY_CALLS = Settings(levels=selection(select=["call"]))
FIRST, DAYS = date(1931, 1, 1), (date(2019, 12, 31) - date(1931, 1, 1)).days
FRAMES = (
    "cpf {cpf}, nascimento {date}", "oi, meu cpf é {cpf}\nnasci em {date}", "{cpf}\n{date}", "nasc: {date}\ncpf: {cpf}",
    "quero ver meu plano, o cpf é {cpf} e a data de nascimento {date}", "cpf {cpf} | dn {date}",
)  # fmt: skip
BESIDE = (
    "", "meu telefone é (84) 99812-3344", "tel 84 99812-3344", "a carteirinha é 0 999 123456789012 1",
    "protocolo 33559220261123000417", "tenho consulta marcada pro dia 03/11/2026", "o boleto vence dia 10/12/2026",
    "pago 612,40 por mês", "moro no apto 302",
)  # fmt: skip

bases = st.text("0123456789", min_size=9, max_size=9).filter(lambda base: len(set(base)) > 2)
born = st.integers(0, DAYS).map(lambda days: FIRST + timedelta(days=days))


def row(texts: list[str], cpf: str, day: date) -> dict:
    arguments = json.dumps({"cpf": cpf, "data_nascimento": f"{day:%Y%m%d}"})
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return {
        "id": "a",
        "category": "tool_calls",
        "messages": [
            *({"role": "user", "content": text} for text in texts if text),
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": '{"situacao": "ATIVO"}'},
            {"role": "assistant", "content": "Seu plano está ativo."},
        ],
    }


def codes(texts: list[str], cpf: str, day: date) -> list[str]:
    return sorted(found.code for found in judge_row(row(texts, cpf, day), ONLY_CALLS).findings)


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(
    bases,
    born,
    st.sampled_from(range(len(CPF_FORMS))),
    st.sampled_from(range(len(DATE_FORMS))),
    st.integers(),
    st.sampled_from(FRAMES),
    st.sampled_from(BESIDE),
    st.booleans(),
)
def test_the_parser_reads_what_the_renderer_writes(base, day, cpf_form, date_form, seed, frame, beside, apart) -> None:  # fmt: skip
    rng = Random(seed)
    cpf = base + check_digits(base)
    text = frame.format(cpf=CPF_FORMS[cpf_form][1](cpf, rng), date=DATE_FORMS[date_form][1](day, rng))
    texts = [*text.split("\n"), beside] if apart else [f"{text}. {beside}" if beside else text]
    assert codes(texts, cpf, day) == [], texts


@settings(max_examples=300, deadline=None, derandomize=True)
@given(bases, born, st.integers(3, 8), st.sampled_from(range(len(DATE_FORMS))), st.integers())
def test_a_cpf_in_two_messages(base, day, cut, date_form, seed) -> None:
    cpf = base + check_digits(base)
    texts = [cpf[:cut], cpf[cut:], f"nasci em {DATE_FORMS[date_form][1](day, Random(seed))}"]
    assert codes(texts, cpf, day) == [], texts


@settings(max_examples=500, deadline=None, derandomize=True)
@given(
    bases,
    bases,
    born,
    born,
    st.sampled_from(range(len(CPF_FORMS))),
    st.sampled_from(range(len(DATE_FORMS))),
    st.integers(),
)
def test_no_other_value_passes(base, other, day, another, cpf_form, date_form, seed) -> None:
    rng = Random(seed)
    cpf, wrong = base + check_digits(base), other + check_digits(other)
    text = f"cpf {CPF_FORMS[cpf_form][1](cpf, rng)}, nascimento {DATE_FORMS[date_form][1](day, rng)}"
    if cpf != wrong:
        assert "call.cpf_ungrounded" in codes([text], wrong, day), text
    if day != another:
        assert "call.date_ungrounded" in codes([text], cpf, another), text


def test_what_the_brief_says_to_ask_is_ambiguous() -> None:
    """American order and two-digit years from 20 to 30: no call before a question, none of the readings passes."""
    cpf = "52998224725"
    for text, reading in (
        ("06/15/1985", date(1985, 6, 15)),
        ("03/09/24", date(1924, 9, 3)),
        ("03/09/24", date(2024, 9, 3)),
    ):
        assert codes([f"cpf {cpf}, nascimento {text}"], cpf, reading) == ["call.date_ungrounded"]
