"""Noise types letters as people do and leaves every protected value alone."""

from pathlib import Path
from random import Random

import pytest

from datagen.grammar import Noise
from datagen.noise import MOODS, Habits, type_as_people_do
from datagen.pack import load_pack
from datagen.values import EDIT_CLOSE, EDIT_OPEN, protect

FILE = load_pack(Path("tests/packs/plano_aurora")).noise
RICH = load_pack(Path("templates/unimed_natal")).noise
"""With registers, emojis, fillers, words of foreigners."""
ALL = frozenset(Noise.model_fields)


def typed(text: str, *habits: str, seed: int = 1, file=FILE) -> str:
    return type_as_people_do(text, Habits("hurried", frozenset(habits)), Random(seed), file)


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
        for file in (FILE, RICH):
            text = f"Olá, você quer {protect(value)}, obrigada."
            assert protect(value) in typed(text, *ALL, seed=seed, file=file)


def test_dials_are_percentages():
    dials = Noise(lowercase=30)
    rng = Random("dial")
    share = sum("lowercase" in Habits.draw(rng, dials, FILE).names for _ in range(5000)) / 5000
    assert 0.27 < share < 0.33
    assert not Habits.draw(rng, Noise(), FILE).names


def test_a_register_sets_its_own_dials_and_edge_cases_have_no_mood():
    drawn = [Habits.draw(Random(seed), Noise(lowercase=50, emojis=50), RICH) for seed in range(3000)]
    assert {habits.register for habits in drawn} == set(RICH.registers)
    assert not any("lowercase" in habits.names for habits in drawn if habits.register == "formal")
    calm = [Habits.draw(Random(seed), Noise(emojis=100, remarks=100), RICH, moods=False) for seed in range(50)]
    assert not any(habits.names & set(MOODS) for habits in calm)


def test_an_edit_is_passed_over_by_the_dice_so_that_all_ways_are_typed_alike():
    for seed in range(200):
        one, other = (
            typed(f"quero ver {EDIT_OPEN}{edit}{EDIT_CLOSE} com você, moça, por favor", *ALL, seed=seed, file=RICH)
            for edit in ("o meu plano agora mesmo", "os planos")
        )
        assert one.partition(EDIT_OPEN)[0] == other.partition(EDIT_OPEN)[0]
        assert one.partition(EDIT_CLOSE)[2] == other.partition(EDIT_CLOSE)[2]


def test_remarks_stand_before_or_after_a_longer_message_only():
    texts = {typed("quero ver o meu plano", "remarks", seed=seed, file=RICH) for seed in range(60)}
    assert "rapidinho, quero ver o meu plano" in texts and "quero ver o meu plano tô na correria" in texts
    assert {typed("meu plano", "remarks", seed=seed, file=RICH) for seed in range(60)} == {"meu plano"}


def test_a_message_never_becomes_empty():
    assert typed("?", *ALL) and typed("...", "no_final_punctuation")
