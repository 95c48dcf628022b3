"""Every metric of validators/diversity.py against cases worked out by hand, or against its definition spelt out."""

import gzip
import math
import re
from collections import Counter
from random import Random

import pytest

from validators import diversity
from validators.diversity import closest, likeness, masked


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("Meu CPF é 735.091.814-33.", (), "meu cpf é 0"),
        ("735 091 814 33", (), "0"),
        ("Nasci em 10/12/1965!", (), "nasci em 0"),
        ("nasci em 10 de dezembro de 1965", (), "nasci em 0 de mês de 0"),
        ("sete três cinco, zero nove", (), "0"),
        ("um momento", (), "um momento"),
        ("R$ 1.612,40 em aberto", (), "r 0 em aberto"),
        ("Oi, Daniel! Tudo bem?", ("Daniel da Silva",), "oi nome tudo bem"),
        ("Obrigada, Maria das Dores", ("Maria das Dores",), "obrigada nome das nome"),
        ("os dados dos meus pais", ("João dos Santos",), "os dados dos meus pais"),
        ("👋", (), ""),
    ],
)
def test_masked(text, names, expected):
    assert masked(text, diversity.name_words(names)) == expected


@pytest.mark.parametrize(
    ("texts", "share"),
    [
        ([], 0),
        (["sim", "sim", "bom dia", "bom dia", "tudo bem sim", "tudo bem sim"], 0),
        (["quero ver meu plano", "quero ver meu plano", "sim", "sim"], 1 / 4),
        (["a b c d"] * 3, 2 / 3),
    ],
)
def test_duplicates_are_the_longer_texts_that_repeat_another(texts, share):
    assert diversity.duplicate_share(texts) == pytest.approx(share)


def test_share_of_the_most_common_texts():
    texts = ["a", "a", "a", "b", "b", "c"]
    assert diversity.top_share(texts, 1) == 1 / 2
    assert diversity.top_share(texts, 2) == 5 / 6
    assert diversity.top_share(texts) == 1
    assert diversity.top_share([]) == 0


@pytest.mark.parametrize(
    ("texts", "n", "tokens", "share"),
    [
        (["a b a b"], 2, 8_000, 2 / 3),  # ab ba ab
        (["a b", "a b"], 2, 8_000, 1 / 2),  # n-grams do not cross texts
        (["a b", "a b", "a b"], 2, 3, 1 / 2),  # the budget is full after the second text
        (["A, b"], 2, 8_000, 1),  # marks are tokens: "a ," and ", b"
        (["a b c a b c"], 3, 8_000, 3 / 4),
        ([], 2, 8_000, 0),
    ],
)
def test_distinct_n(texts, n, tokens, share):
    assert diversity.distinct_n(texts, n, tokens) == pytest.approx(share)


def test_compression_ratio_is_size_over_size_after_gzip_of_a_fixed_budget():
    texts = ["quero ver meu plano", "qual é o telefone?"]
    data = " ".join(texts).encode()
    assert diversity.compression_ratio(texts) == len(data) / len(gzip.compress(data, 9))
    assert diversity.compression_ratio(["a" * 50] * 10, budget=100) == pytest.approx(
        101 / len(gzip.compress(b"a" * 50 + b" " + b"a" * 50, 9))
    )
    assert diversity.compression_ratio([]) == 0


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a b c d", "a b c d"], 1),
        (["a b c d", "e f g h"], (0.1 / 4 * 0.1 / 3 * 0.1 / 2 * 0.1) ** 0.25),
        (["a b c d", "a b c e"], (3 / 4 * 2 / 3 * 1 / 2 * 0.1) ** 0.25),
        # the shorter is punished for being short, the longer for its own words
        (["a b c d", "a b c d e f"], (math.exp(1 - 6 / 4) + (4 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25) / 2),
        (["a b c d"], 0),
        (["oi", "sim", "bom dia"], 0),
    ],
)
def test_self_bleu_by_hand(texts, expected):
    assert diversity.self_bleu(texts) == pytest.approx(expected)


def test_self_bleu_is_bleu_against_all_other_texts():
    rng = Random(3)
    texts = [" ".join(rng.choices("abcdefgh", k=rng.randint(4, 9))) for _ in range(30)]
    words = [text.split() for text in texts]

    def grams(tokens, n):
        return Counter(tuple(tokens[at : at + n]) for at in range(len(tokens) - n + 1))

    def bleu(tokens, references):
        total = 0.0
        for n in range(1, 5):
            most = Counter()
            for reference in references:
                most |= grams(reference, n)
            own = grams(tokens, n)
            total += math.log((sum((own & most).values()) or 0.1) / sum(own.values())) / 4
        near = min((len(r) for r in references), key=lambda length: (abs(length - len(tokens)), length))
        return math.exp(total) * (1 if len(tokens) > near else math.exp(1 - near / len(tokens)))

    expected = [bleu(tokens, words[:at] + words[at + 1 :]) for at, tokens in enumerate(words)]
    assert diversity.self_bleu(texts) == pytest.approx(sum(expected) / len(expected))


def test_jaccard_of_word_three_grams():
    one, other = likeness("a b c d e"), likeness("a b c d f")  # abc bcd cde, abc bcd cdf
    assert diversity.jaccard(one.shingles, other.shingles) == 2 / 4
    assert diversity.jaccard(one.shingles, one.shingles) == 1
    assert diversity.jaccard(likeness("oi").shingles, likeness("oi").shingles) == 1
    assert diversity.jaccard(likeness("oi").shingles, likeness("olá").shingles) == 0


def conversation(rng: Random) -> list[str]:
    return [f"w{rng.randrange(500)}" for _ in range(40)]


def test_the_closest_text_is_found_as_by_comparing_all_with_all():
    rng = Random(5)
    words = [conversation(rng) for _ in range(60)]
    for at in range(20):  # near-duplicates: one word of forty is another
        copy = list(words[at])
        copy[rng.randrange(40)] = "other"
        words.append(copy)
    texts = [" ".join(w) for w in words]
    shingles = [{tuple(w[at : at + 3]) for at in range(38)} for w in words]
    expected = [
        max(len(one & two) / len(one | two) for other, two in enumerate(shingles) if other != at)
        for at, one in enumerate(shingles)
    ]
    found = closest([likeness(text) for text in texts])
    for value, right in zip(found, expected, strict=True):
        assert value == pytest.approx(right) or right < 0.5
    assert sum(value >= 0.8 for value in found) == 40


def test_texts_of_one_group_are_not_held_against_each_other():
    same = [likeness("um texto que é igual ao outro")] * 3
    assert closest(same) == [1, 1, 1]
    assert closest(same, ["g", "g", None]) == [1, 1, 1]
    assert closest(same[:2], ["g", "g"]) == [0, 0]
    assert closest(same[:2], [None, None]) == [1, 1]


def test_neighbours_name_the_closest_text_seen_before():
    neighbours = diversity.Neighbours()
    assert neighbours.most_alike(likeness("a b c d e")) == (0, "")
    neighbours.add("first", likeness("x y z"))
    neighbours.add("second", likeness("a b c d e"))
    assert neighbours.most_alike(likeness("a b c d e")) == (1, "second")


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([3, 3, 3], 1),
        ([5, 0], 0),
        ([3, 1], -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))),
        ([2, 2, 0, 0], 1 / 2),
        ([7], 1),
        ([], 1),
        ([0, 0], 1),
    ],
)
def test_entropy(counts, expected):
    assert diversity.entropy(counts) == pytest.approx(expected)


def test_samples_are_seeded_and_never_larger_than_the_texts():
    texts = [str(number) for number in range(100)]
    assert diversity.sample(texts, 10) == diversity.sample(texts, 10) != diversity.sample(texts, 10, seed=1)
    assert sorted(diversity.sample(texts, 1_000)) == sorted(texts)
    assert len(re.findall(r"\d+", " ".join(diversity.sample(texts, 10)))) == 10
