"""The parts on their own: measures, speed, the life sign of a silent job, hosts, windows over long contexts."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

from dataforge_training import checkpoints, flops, launch, metrics, models, spans
from dataforge_training import config as configs
from dataforge_training import progress as progress_module
from dataforge_training.folders import Folders, hosts
from dataforge_training.machine import Machine, settle
from dataforge_training.progress import Progress
from dataforge_training.sampling import GroupedByLength
from tests.training import tiny


def test_exact_match_and_f1_are_those_of_squad() -> None:
    assert metrics.exact("The Eiffel tower!", ["eiffel tower"])
    assert not metrics.exact("a tower", ["eiffel tower"])
    assert metrics.f1("big red tower", ["the red tower"]) == pytest.approx(0.8)
    assert metrics.f1("", [""]) == 1
    assert metrics.f1("word", [""]) == 0


def test_rouge_counts_words_pairs_and_subsequences() -> None:
    answer, reference = "the cat sat on the mat", "the cat lay on the mat"

    assert metrics.rouge_n(answer, reference, 1) == pytest.approx(5 / 6)
    assert metrics.rouge_n(answer, reference, 2) == pytest.approx(3 / 5)
    assert metrics.rouge_l(answer, reference) == pytest.approx(5 / 6)
    assert metrics.rouge_l("mat the", "the mat") == pytest.approx(0.5)
    assert metrics.rouge_n("", reference, 1) == 0


def test_a_loss_that_is_too_large_has_no_perplexity() -> None:
    assert metrics.perplexity(0.234) == pytest.approx(1.26364, abs=1e-4)
    assert metrics.perplexity(1e4) is None
    assert metrics.perplexity(None) is None


@pytest.mark.parametrize(
    ("name", "teraflops"),
    [
        ("NVIDIA H200", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA A100-SXM4-40GB", 312),
        ("NVIDIA A10G", 70),
        ("NVIDIA L40S", 362),
        ("NVIDIA L4", 121),
        ("Tesla T4", 65),
    ],
)
def test_the_peak_is_found_by_the_name_of_the_gpu(name: str, teraflops: int) -> None:
    assert flops.peak(name) == teraflops * 1e12


def test_mfu_of_a_known_run() -> None:
    """48,000 tokens/s of 1.24 billion parameters on a GPU with 989 TFLOP/s, every weight trained: 36 %."""
    needed = flops.per_token(1_240_000_000, adapter=False)

    assert flops.utilisation(48_000, needed, 989e12) == pytest.approx(0.361, abs=0.001)
    assert flops.per_token(10, adapter=True) == 40
    assert flops.peak("an unknown device") is None


def test_a_silent_job_gives_a_sign_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "SILENCE_S", 0.2)
    path = tmp_path / "progress.jsonl"
    progress = Progress(path, active=True, memory_mb=lambda: 1.0)
    progress.stage("loading")

    until = time.monotonic() + 10
    while len(path.read_text().splitlines()) < 3:
        assert time.monotonic() < until
        time.sleep(0.05)
    progress.close()

    assert {json.loads(line)["stage"] for line in path.read_text().splitlines()} == {"loading"}


def test_only_a_complete_checkpoint_is_taken(tmp_path: Path) -> None:
    for steps in (10, 20, 30, 100):
        folder = tmp_path / f"checkpoint-{steps}"
        folder.mkdir()
        (folder / "weights").write_bytes(b"x" * steps)
        if steps != 100:
            checkpoints.seal(folder)
    (tmp_path / "checkpoint-30/weights").write_bytes(b"x" * 7)

    assert checkpoints.latest(tmp_path) == tmp_path / "checkpoint-20"


def test_the_order_of_lines_depends_on_seed_and_epoch_only() -> None:
    lengths = list(range(64))
    first, again = GroupedByLength(lengths, 4, seed=7), GroupedByLength(lengths, 4, seed=7)
    list(first)
    torch.manual_seed(999)
    first.set_epoch(3)
    again.set_epoch(3)

    assert list(first) == list(again)
    assert sorted(first) == lengths
    again.set_epoch(4)
    assert list(first) != list(again)


def test_machines_meet_at_the_first_host(tmp_path: Path) -> None:
    path = tmp_path / "input/config/resourceconfig.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"current_host": "algo-2", "hosts": ["algo-2", "algo-1"]}))

    found = hosts(Folders(tmp_path))

    assert launch.meeting(found.names, found.rank) == [
        *("--nnodes", "2", "--node-rank", "1", "--master-addr", "algo-1", "--master-port", "29400"),
    ]
    assert hosts(Folders(tmp_path / "elsewhere")).rank == 0


# checklist 160, 162
def test_the_public_defaults_start_on_a_cpu() -> None:
    asked = configs.Config(task="text-generation", model_name="m")
    config, notes = settle(asked, Machine("cpu", "cpu", torch.float32, 1))

    assert asked.use_4bit is True
    assert asked.optim == "paged_adamw_32bit"
    assert (config.use_4bit, config.optim) == (False, "adamw_torch")
    assert notes == [
        "use_4bit = false, use_8bit = false: a quantised base needs a GPU, this machine has cpu",
        "optim = adamw_torch: paged_adamw_32bit needs a GPU",
    ]


def test_a_gpu_computes_in_its_own_precision() -> None:
    asked = configs.Config(task="text-generation", model_name="m")
    config, notes = settle(asked, Machine("cuda", "NVIDIA H200", torch.bfloat16, 1))

    assert (config.use_4bit, config.optim, config.bf16) == (True, "paged_adamw_32bit", True)
    assert config.bnb_4bit_compute_dtype == "bfloat16"
    assert len(notes) == 2


def test_learning_rates_follow_the_strategy() -> None:
    def rate(strategy: str, **options: float) -> float:
        told = {"task": "text-generation", "model_name": "m", "strategy": strategy, **options}
        return configs.Config.model_validate(told).rate

    assert [rate(s) for s in ("sft", "qlora", "dpo", "rlhf")] == [2e-4, 2e-4, 5e-6, 5e-6]
    assert rate("dpo", learning_rate=1e-3) == 1e-3


def test_a_template_is_kept_and_the_end_of_a_turn_is_known() -> None:
    own, none = tiny.tokenizer(chat=True), tiny.tokenizer()
    template = own.chat_template

    assert models.ensure_chat_template(own) is None
    assert own.chat_template == template
    assert "ChatML" in str(models.ensure_chat_template(none))
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    text = none.apply_chat_template(turns, tokenize=False)
    assert text == "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"
    assert none.apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True) == text[:-12]
    said = none.apply_chat_template(turns, return_dict=True, return_assistant_tokens_mask=True)
    learnt = [token for token, mask in zip(said["input_ids"], said["assistant_masks"], strict=True) if mask]
    assert none.decode(learnt) == "b<|im_end|>"
    assert models.end_tokens(own, 2) == sorted({2, own.convert_tokens_to_ids("<|im_end|>")})


def test_a_long_context_is_read_in_windows(bases: Path) -> None:
    words = AutoTokenizer.from_pretrained(bases / "bert")
    model = AutoModelForQuestionAnswering.from_pretrained(bases / "bert").eval()
    context = " ".join(fact["text"] for fact in tiny.facts(40, 0))

    made = spans.windows(words, ["What?"], [context], 64)
    found = spans.best(model, words, "What?", context, window=64)

    assert len(made["input_ids"]) > 5
    assert {len(row) for row in made["input_ids"]} == {64}
    assert found
    assert found in context
