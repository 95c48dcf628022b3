"""The estimates: memory against published measurements, packing against Axolotl's own sampler, lengths, time, cost."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from axolotl_configs import build, derive, forecast, lengths, measured, presets, rowscan, workload
from axolotl_configs.dataset import survey
from axolotl_configs.errors import ConfigError
from axolotl_configs.memory import Load, estimate
from axolotl_configs.overrides import price
from axolotl_configs.packing import pack, steps_of_packed, steps_of_rows
from axolotl_configs.presets import Model
from axolotl_configs.speed import clock, flops_utilisation, tokens_per_second
from tests.rows import handmade_rows, write_rows

ROOT = Path(__file__).parents[1]
PUBLISHED = json.loads((ROOT / "tests" / "cases" / "memory.json").read_text(encoding="utf-8"))
PRESETS = presets.load_presets()
REAL = "qwen2.5-32b_qlora_a100-80gb"

# --- memory


def published(kind: str) -> list[tuple[int, float, float]]:
    """Length, measured GiB and computed GiB of one line of the published table."""
    size, method = kind.split()
    model = Model(title=size, hub=size, **PUBLISHED["models"][size])
    # finetune.py adapts c_attn (H to 3H), c_proj (H to H), w1, w2 and the second c_proj (H to M, M to H), rank 64.
    weights = 64 * model.layers * (6 * model.hidden_size + 3 * (model.hidden_size + model.intermediate_size))
    found = []
    for length, gib in zip(PUBLISHED["lengths"], PUBLISHED["gib"][kind], strict=True):
        load = Load(model, method == "qlora", weights, length, fused_loss=False)
        found.append((length, gib, estimate(load).total))
    return found


@pytest.mark.parametrize("kind", [kind for kind in PUBLISHED["gib"] if not kind.startswith("1.8B")])
def test_memory_is_within_15_percent_of_what_qwen_measured_on_an_a100(kind):
    points = [point for point in published(kind) if point[0] >= 1024]
    assert len(points) == 4
    for length, gib, computed in points:
        assert computed == pytest.approx(gib, rel=0.15), (kind, length, gib, computed)


def test_where_the_estimate_is_worse_is_known():
    """Short sequences of 4-bit models and a 1.8B model: up to 23% too low, which the headroom of 10% does not cover."""
    worst = min(computed / gib for kind in PUBLISHED["gib"] for _, gib, computed in published(kind))
    assert 0.77 < worst < 0.80
    assert max(computed / gib for kind in PUBLISHED["gib"] for _, gib, computed in published(kind)) < 1.14


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.presets.items() if PRESETS.cards[preset.card].gpu])
def test_every_preset_fits_its_card_with_room_to_spare(name):
    preset = PRESETS.presets[name]
    card = PRESETS.cards[preset.card]
    # 14B on 16 GB is the one that is tight, and says so: preflight is amber there and asks for a rehearsal.
    share = 0.93 if name == "qwen2.5-14b_qlora_16gb" else derive.FITS
    assert estimate(derive.load_of(PRESETS, preset)).total <= share * card.memory_gib


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.presets.items() if PRESETS.cards[preset.card].gpu])
def test_a_config_and_its_preset_are_read_alike(name):
    text = build.render(name)
    work = workload.read(yaml.safe_load(text), text=text)
    assert work.card_name == PRESETS.presets[name].card
    assert work.cards == PRESETS.presets[name].cards
    assert estimate(work.load()) == estimate(derive.load_of(PRESETS, PRESETS.presets[name]))


def test_sharding_makes_a_card_lighter():
    model = PRESETS.models["qwen2.5-32b"]
    one = Load(model, False, model.adapter_parameters(32), 4096)
    totals = [
        estimate(Load(**{**vars(one), "cards": cards, "spread": spread})).total
        for cards, spread in ((1, None), (2, "fsdp2"), (4, "zero3"), (8, "fsdp2"))
    ]
    assert totals == sorted(totals, reverse=True)
    assert totals[1] < 79 < totals[0] + 10


# --- configs made to measure


@pytest.mark.parametrize("model", [name for name, model in PRESETS.models.items() if model.revision])
@pytest.mark.parametrize("card", list(PRESETS.cards))
def test_any_model_on_any_card_fits_or_says_what_would(model, card):
    method = "lora" if card == "cpu" else "qlora"
    try:
        name, preset = derive.derive(PRESETS, model, card, method)
    except ConfigError as error:
        assert "GPU=" in str(error) or "smaller model" in str(error)
        assert PRESETS.cards[card].memory_gib < 30
        return
    assert name == f"{model}_{method}_{card}"
    text = build.render(name, PRESETS, preset)
    assert build.is_untouched(text)
    assert max(map(len, text.splitlines())) <= 120
    config = yaml.safe_load(text)
    assert config["chat_template"] == PRESETS.models[model].chat_template
    assert config["model_revision"] == PRESETS.models[model].revision
    if PRESETS.cards[card].gpu:
        assert estimate(derive.load_of(PRESETS, preset)).total <= PRESETS.cards[card].memory_gib


def test_the_name_carries_what_was_asked_for():
    name, preset = derive.derive(PRESETS, "QWEN2.5-7B", "24gb", "lora", rank=8, sequence_len=1024)
    assert name == "qwen2.5-7b_lora_24gb_r8_s1024"
    assert (preset.rank, preset.alpha, preset.sequence_len) == (8, 16, 1024)
    name, preset = derive.derive(PRESETS, "qwen2.5-32b", "a100-80gb", "qlora", rank=64)
    assert (preset.alpha, preset.micro_batch_size) == (128, 2)  # the rest as in the preset


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("qwen2.5-33b", "a100-80gb", "qlora"), "did you mean qwen2.5-32b?"),
        (("qwen2.5-7b", "a1000", "qlora"), "GPU=a1000"),
        (("qwen2.5-7b", "24gb", "qlorra"), "did you mean qlora?"),
        (("qwen2.5-32b", "16gb", "qlora"), "GPU=a100-40gb"),
        (("qwen2.5-32b", "a100-40gb", "lora"), "METHOD=qlora"),
        (("qwen2.5-7b", "cpu", "qlora"), "METHOD=lora with GPU=cpu"),
    ],
)
def test_what_cannot_be_is_one_message(asked, said):
    with pytest.raises(ConfigError) as caught:
        derive.derive(PRESETS, *asked)
    assert said in str(caught.value)


# --- packing and lengths


@pytest.mark.parametrize(
    ("rows", "room", "sequences"), [([], 10, 0), ([10], 10, 1), ([6, 5, 4, 5], 10, 2), ([9] * 5, 10, 5), ([11], 10, 0)]
)
def test_packing(rows, room, sequences):
    assert pack(rows, room).sequences == sequences


def test_steps():
    assert steps_of_packed(593, 2, 1, 2) == 592
    assert steps_of_packed(1, 4, 1, 2) == 2
    assert steps_of_rows(96, 16, 1) == 6


SAMPLER = """
import json, sys
import numpy as np
from axolotl.utils.samplers.multipack import MultipackBatchSampler
from torch.utils.data import SequentialSampler
lengths = np.array(json.loads(sys.argv[1]))
sampler = MultipackBatchSampler(SequentialSampler(lengths), lengths=lengths, batch_size=1, batch_max_len=int(sys.argv[2]),
    group_size=100_000, bin_size=200, drop_last=True, num_processes=1)
print(len(sampler))
"""


@pytest.mark.trainer
def test_packing_is_axolotls_own(trainer_python, trainer_env):
    tokens = [40 + (number * 7919) % 1300 for number in range(3000)]
    command = [str(trainer_python), "-c", SAMPLER, json.dumps(tokens), "8192"]
    done = subprocess.run(command, env=trainer_env, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert pack(tokens, 8192).sequences == pytest.approx(int(done.stdout.split()[-1]), abs=2)


@pytest.fixture
def situation(dataset_dir):
    text = build.render(REAL)
    config = yaml.safe_load(text)
    for key, name in (("datasets", "train"), ("test_datasets", "eval")):
        config[key][0]["path"] = str(dataset_dir / f"{name}.jsonl")
    return forecast.Situation(config, workload.read(config, text=text), survey(config), price("2.00"))


def test_real_rows_are_sound_for_the_trainer(situation):
    for file in situation.files:
        assert file.scan.damages == []
        assert all(0 < tokens <= most for tokens, most in zip(file.scan.tokens, file.scan.at_most, strict=True))
    share = sum(map(sum, [file.scan.trained for file in situation.files])) / sum(situation.train_tokens)
    assert 0.1 < share < 0.5


def test_time_and_money_follow_from_the_tokens(situation):
    planned = forecast.plan(situation)
    rate = tokens_per_second(situation.work.model, situation.work.card)
    assert 500 < rate.low < 600 < rate.high < 800  # the reference: 600 to 800 tokens/s for this one
    (told,) = forecast.time_and_money(situation)
    assert f"{planned.tokens / 1e6:.1f} million tokens" in told.message
    assert "at 2 an hour" in told.message


def test_more_than_the_guides_hours_is_amber_and_says_what_would_shorten_it(situation):
    many = forecast.Situation(situation.config, situation.work, situation.files * 150, 2.0)
    (told,) = (problem for problem in forecast.time_and_money(many) if problem.level == "amber")
    assert "guide" in told.message
    assert "num_epochs: 1" in told.fix


def test_a_measurement_replaces_the_estimate(situation, tmp_path):
    found = measured.Measured("NVIDIA A100-SXM4-80GB", 700.0, 35.5, 23.4, 20, 0.44, "2026-01-01")
    assert measured.find(situation.config, situation.work, tmp_path) is None
    measured.keep(situation.config, situation.work, found, tmp_path)
    assert measured.find(situation.config, situation.work, tmp_path) == found
    other = {**situation.config, "liger_rope": False}
    assert measured.find(other, situation.work, tmp_path) is None
    known = forecast.Situation(situation.config, situation.work, situation.files, 2.0, found)
    assert "measured 35.5 GiB" in next(forecast.memory(known)).message
    assert "700 tokens/s (measured on NVIDIA A100-SXM4-80GB" in next(forecast.time_and_money(known)).message


def test_utilisation_is_a_share_of_the_data_sheet():
    model, card = PRESETS.models["qwen2.5-14b"], PRESETS.cards["a100-80gb"]
    assert flops_utilisation(model, card, 65_536 / 36.0) == pytest.approx(0.51, abs=0.02)  # Qwen's README, 8192 tokens


def test_counted_lengths_are_believed_only_for_these_rows(tmp_path):
    rows = write_rows(tmp_path / "train.jsonl", handmade_rows(6))
    scan = rowscan.scan(rows)
    assert lengths.lengths_of(rows, scan).exact is False
    mark = lengths.sha256_of(rows)
    for sha256, tokens, exact in ((mark, [9] * 6, True), ("0", [9] * 6, False), (mark, [9], False)):
        entry = {"sha256": sha256, "method": "exact", "tokens": tokens, "trained": tokens}
        (tmp_path / "lengths.json").write_text(json.dumps({"files": {"train.jsonl": entry}}), encoding="utf-8")
        found = lengths.lengths_of(rows, scan)
        assert found.exact is exact
        assert bool(found.stale) is not exact
    assert lengths.first_rows("train[:512]") == 512
    assert lengths.first_rows("train") is None


@pytest.mark.trainer
def test_counting_agrees_with_the_tokenizer(trainer_python, trainer_env, toy_model, dataset_dir, tmp_path):
    for name in ("train", "eval"):
        (tmp_path / f"{name}.jsonl").write_bytes((dataset_dir / f"{name}.jsonl").read_bytes())
    arguments = ["lengths", "--data", str(tmp_path), "--tokenizer", str(toy_model / "tokenizer.json")]
    command = [str(trainer_python), "-m", "axolotl_configs", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=trainer_env, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    counted = lengths.lengths_of(tmp_path / "train.jsonl", rowscan.scan(tmp_path / "train.jsonl"))
    assert counted.exact
    assert all(0 < trained < tokens for tokens, trained in zip(counted.tokens, counted.trained, strict=True))

    ours = json.loads((tmp_path / "lengths.json").read_text(encoding="utf-8"))
    files = [str(tmp_path / f"{name}.jsonl") for name in ("train", "eval")]
    command = [str(trainer_python), "-m", "validators", "lengths", *files]
    judges = json.loads(_lengths([*command, "--tokenizer", str(toy_model / "tokenizer.json")], tmp_path, trainer_env))
    assert judges == ours, "the judge, with code of its own, counts the same"
    bound = json.loads(_lengths(command, tmp_path, trainer_env))["files"]["train.jsonl"]
    assert bound["method"] == "upper bound"
    for part in ("tokens", "trained"):
        pairs = zip(bound[part], ours["files"]["train.jsonl"][part], strict=True)
        assert all(most >= exact for most, exact in pairs)


def _lengths(command, folder, environment):
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return (folder / "lengths.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("hours", "said"), [(0.01, "36 s"), (0.5, "30 min"), (4.04, "4 h 02 min"), (23.2, "23 h 12 min")]
)
def test_hours_as_people_say_them(hours, said):
    assert clock(hours) == said


@pytest.mark.parametrize("value", ["-1", "free", "1e9", "nan"])
def test_a_bad_price_is_one_message(value):
    with pytest.raises(ConfigError, match="PRICE="):
        price(value)


# --- what the pages print


def table(kind: str) -> str:
    cells = [f"{computed:.1f} / {gib}" for _, gib, computed in published(kind)]
    return f"| {kind.replace('qlora', 'Q-LoRA').replace('lora', 'LoRA')} | {' | '.join(cells)} |"


def in_page(page: Path, mark: str, block: str) -> None:
    """See that a page holds a block behind its mark; UPDATE_README=1 writes it anew."""
    text = page.read_text(encoding="utf-8")
    if os.environ.get("UPDATE_README"):
        text = re.sub(rf"<!-- {mark} -->\n\n(\|.*\n)+", lambda _: f"<!-- {mark} -->\n\n{block}", text)
        page.write_text(text, encoding="utf-8")
    assert f"<!-- {mark} -->\n\n{block}" in text


def test_the_page_of_runs_prints_what_is_computed():
    head = "| | " + " | ".join(map(str, PUBLISHED["lengths"])) + " |\n" + "|---" * 7 + "|\n"
    block = head + "".join(table(kind) + "\n" for kind in PUBLISHED["gib"])
    in_page(ROOT / "axolotl_configs" / "RUNS.md", "memory", block)


def test_the_readme_prints_every_config_with_its_memory():
    lines = ["| config | memory | card |\n", "|---|---|---|\n"]
    for name, preset in PRESETS.presets.items():
        card = PRESETS.cards[preset.card]
        need = f"{estimate(derive.load_of(PRESETS, preset)).total:.0f} GiB"
        several = "several " if preset.cards > 1 else ""
        room = f"{several}{card.title}, {card.memory_gib:.0f} GiB" if card.gpu else card.title
        lines.append(f"| [{name}](axolotl_configs/{name}.yaml) | {need if card.gpu else 'little'} | {room} |\n")
    in_page(ROOT / "README.md", "configs", "".join(lines))
