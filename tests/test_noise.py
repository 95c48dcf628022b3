"""Noise types letters as people do and leaves every protected value alone."""

from pathlib import Path
from random import Random

import pytest

from datagen.grammar import Noise
from datagen.noise import Habits, type_as_people_do
from datagen.pack import load_pack
from datagen.values import protect

FILE = load_pack(Path("tests/packs/plano_aurora")).noise
ALL = frozenset(Noise.model_fields)


def typed(text: str, *habits: str, seed: int = 1) -> str:
    return type_as_people_do(text, Habits(frozenset(habits)), Random(seed), FILE)


@pytest.mark.parametrize(
    "habit, before, after",
    [
        ("lowercase", "Olá, Maria!", "olá, maria!"),
        ("no_accents", "não é você?", "nao e voce?"),
        ("no_commas", "oi, tudo bem, moça", "oi tudo bem moça"),
        ("no_final_punctuation", "quero ver meu plano.", "quero ver meu plano"),
        ("no_final_punctuation", "então...", "então..."),
        ("no_final_punctuation", "tudo bem?", "tudo bem?"),
    ],
)
def test_whole_message_habits(habit, before, after):
    assert typed(before, habit) == after


def test_words_are_shortened_from_the_list_only():
    texts = {typed("você quero casa", "abbreviations", seed=seed) for seed in range(40)}
    assert {"vc qro casa", "você quero casa"} <= texts
    assert all(text.endswith("casa") for text in texts)


def test_slips_of_the_finger_change_one_word_by_one_stroke():
    text = "preciso consultar meu contrato"
    changed = [typed(text, "typos", seed=seed) for seed in range(200)]
    assert any(other != text for other in changed)
    assert all(abs(len(other) - len(text)) <= 4 for other in changed)


def test_protected_values_survive_every_habit():
    value = "NÃO Mexa, 529.982.247-25 quinze de março"
    for seed in range(300):
        assert protect(value) in typed(f"Olá, você quer {protect(value)}, obrigada.", *ALL, seed=seed)


def test_dials_are_percentages():
    dials = Noise(lowercase=30)
    rng = Random("dial")
    share = sum("lowercase" in Habits.draw(rng, dials).names for _ in range(5000)) / 5000
    assert 0.27 < share < 0.33
    assert not Habits.draw(rng, Noise()).names


def test_a_message_never_becomes_empty():
    assert typed("?", *ALL) and typed("...", "no_final_punctuation")
