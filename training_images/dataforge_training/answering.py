"""A model that answers: loaded once, with adapters that are switched without loading the base again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForQuestionAnswering,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    StoppingCriteria,
    StoppingCriteriaList,
    TextIteratorStreamer,
)

from dataforge_training import models, prompts, spans
from dataforge_training.errors import ModelError

BASE = "base"
"""The name by which a request asks the base model without any adapter."""
OWN = "model"
"""The name of the adapter that `--model` is, where it is one."""
AUTO = {
    "extractive-question-answering": AutoModelForQuestionAnswering,
    "summarization": AutoModelForSeq2SeqLM,
}


class RequestError(ValueError):
    """The request cannot be answered; its text says why."""


@dataclass(frozen=True)
class Place:
    """Where the parts of a model are."""

    weights: str
    """Folder or hub id of full weights."""
    adapters: dict[str, Path]
    about: dict[str, Any]
    """model.json of the job; empty where there is none."""


def find(model: Path | None, base: str | None, adapters: dict[str, Path]) -> Place:
    """`model` is the result of a job (`merged/` or `adapter/` in it), full weights, or an adapter alone.

    Raises ModelError where there are no weights.
    """
    found = dict(adapters)
    about: dict[str, Any] = {}
    weights: str | None = base
    if model is not None:
        if (model / "model.json").exists():
            about = json.loads((model / "model.json").read_text("utf-8"))
        whole = next((p for p in (model / "merged", model) if (p / "config.json").exists()), None)
        alone = next((p for p in (model / "adapter", model) if (p / "adapter_config.json").exists()), None)
        if base is not None and alone is not None:
            found[OWN] = alone
        elif whole is not None:
            weights = str(whole)
        elif alone is not None:
            weights = str(json.loads((alone / "adapter_config.json").read_text("utf-8"))["base_model_name_or_path"])
            found[OWN] = alone
        elif base is None:
            raise ModelError(f"{model} holds neither weights (config.json) nor an adapter (adapter_config.json)")
    if weights is None:
        raise ModelError("name a model: --model FOLDER or --base FOLDER")
    return Place(weights, found, about)


class Halt(StoppingCriteria):
    """Ends an answer that nobody waits for any more."""

    def __init__(self) -> None:
        self.wanted = False

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        return torch.full((input_ids.shape[0],), self.wanted, device=input_ids.device)


@dataclass
class Answer:
    """An answer that grows while it is read; counts and reason are known at its end."""

    pieces: Iterator[str]
    prompt_tokens: int
    completion_tokens: int = 0
    finish_reason: str = "stop"


@dataclass(frozen=True)
class Manner:
    """How one adapter, or the base model, is asked."""

    tokenizer: Any
    is_chat: bool
    """Text is put into the chat template."""


@dataclass(frozen=True)
class Sampling:
    max_tokens: int
    temperature: float
    top_p: float
    seed: int | None = None


class Answering:
    """One model, one answer at a time: further requests wait for their turn."""

    def __init__(self, place: Place) -> None:
        self.about = place.about
        self._turn = threading.Lock()
        self._task = place.about.get("task", "text-generation")
        self.tokenizer = AutoTokenizer.from_pretrained(tokenizer_place(place))
        config = AutoConfig.from_pretrained(place.weights)
        spanning = self._task == "extractive-question-answering"
        encodes = bool(config.is_encoder_decoder)
        auto = AUTO[self._task] if spanning or encodes else AutoModelForCausalLM
        device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = "auto" if device == "cuda" else torch.float32
        model = auto.from_pretrained(place.weights, dtype=dtype).to(device).eval()
        for name, folder in place.adapters.items():
            if isinstance(model, PeftModel):
                model.load_adapter(str(folder), adapter_name=name)
            else:
                model = PeftModel.from_pretrained(model, str(folder), adapter_name=name)
        self.model = model.eval()
        self._manners = {name: self._manner_of(folder) for name, folder in place.adapters.items() if name != OWN}
        own = self._manners.setdefault(OWN, Manner(self.tokenizer, self.about.get("prompt_format") == "chat"))
        self._manners[BASE] = own if place.about else Manner(self.tokenizer, bool(self.tokenizer.chat_template))
        self.adapters = sorted(place.adapters)
        self._encodes = encodes
        self._default = OWN if OWN in place.adapters else BASE
        self._most = models.longest(self.tokenizer, config)

    def _manner_of(self, adapter: Path) -> Manner:
        """As it was trained: with the tokenizer and chat template in its folder; `model.json` lies beside that."""
        told = adapter.parent / "model.json"
        about = json.loads(told.read_text("utf-8")) if told.exists() else {}
        has_own = (adapter / "tokenizer_config.json").exists()
        tokenizer = AutoTokenizer.from_pretrained(str(adapter)) if has_own else self.tokenizer
        return Manner(tokenizer, about.get("prompt_format") == "chat")

    def answer(self, asked: str | list[dict[str, str]], sampling: Sampling, adapter: str | None = None) -> Answer:
        """Text is asked as the model was trained; messages go through the chat template.

        Raises RequestError for an unknown adapter and for a prompt that leaves no room for an answer.
        """
        name = adapter or self._default
        if name != BASE and name not in self.adapters:
            known = ", ".join([*self.adapters, BASE])
            raise RequestError(f"adapter {name!r} is not loaded; there are: {known}")
        if self._task == "extractive-question-answering":
            return self._mark(asked, name)
        manner = self._manners[name]
        text, special = self._rendered(asked, manner)
        batch = manner.tokenizer(text, return_tensors="pt", add_special_tokens=special)
        batch.pop("token_type_ids", None)
        count = int(batch["input_ids"].shape[1])
        room = self._most - (0 if self._encodes else count)
        if room < 1 or count > self._most:
            raise RequestError(f"the prompt has {count} tokens, the model takes {self._most} with the answer")
        result = Answer(iter(()), count)
        result.pieces = self._generate(batch, sampling, name, min(sampling.max_tokens, room), result)
        return result

    def _rendered(self, asked: str | list[dict[str, str]], manner: Manner) -> tuple[str, bool]:
        """The text to continue, and whether the tokenizer adds its special tokens to it."""
        prompt = prompts.put(asked, task=self._task, encodes=self._encodes, chat=manner.is_chat)
        if isinstance(prompt, str) or not manner.tokenizer.chat_template:
            return prompts.text_of(prompt), True
        return prompts.rendered(manner.tokenizer, prompt), False

    def _generate(self, batch: Any, sampling: Sampling, adapter: str, limit: int, result: Answer) -> Iterator[str]:
        """Text as it is made. Closing the iterator ends the work."""
        halt, tokenizer = Halt(), self._manners[adapter].tokenizer
        streamer = TextIteratorStreamer(tokenizer, skip_prompt=not self._encodes, skip_special_tokens=True)
        ends = models.end_tokens(tokenizer, self.model.generation_config.eos_token_id)
        arguments: dict[str, Any] = {
            **batch.to(self.model.device),
            "max_new_tokens": limit,
            "eos_token_id": ends,
            "pad_token_id": tokenizer.pad_token_id or ends[0],
            "streamer": streamer,
            "stopping_criteria": StoppingCriteriaList([halt]),
            "do_sample": sampling.temperature > 0,
        }
        if sampling.temperature > 0:
            arguments |= {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
        failed: list[BaseException] = []

        def work() -> None:
            try:
                with self._using(adapter), torch.inference_mode():
                    if sampling.seed is not None:
                        torch.manual_seed(sampling.seed)
                    made = self.model.generate(**arguments)[0]
                new = made[1:] if self._encodes else made[batch["input_ids"].shape[1] :]
                result.completion_tokens = len(new)
                ended = len(new) > 0 and int(new[-1]) in ends
                result.finish_reason = "stop" if ended else "length"
            except BaseException as error:
                failed.append(error)
            finally:
                streamer.end()

        with self._turn:
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            try:
                yield from (piece for piece in streamer if piece)
            finally:
                halt.wanted = True
                thread.join()
        if failed:
            raise failed[0]

    @contextmanager
    def _using(self, adapter: str) -> Iterator[None]:
        if not self.adapters:
            yield
            return
        if adapter != BASE:
            self.model.set_adapter(adapter)
        with self.model.disable_adapter() if adapter == BASE else nullcontext():
            yield

    def _mark(self, asked: str | list[dict[str, str]], adapter: str) -> Answer:
        """The span of a context that answers a question: the last line of the prompt is the question."""
        context, _, question = prompts.text_of(asked).strip().rpartition("\n")
        if not context.strip():
            raise RequestError("write the context first, then the question as the last line")
        window = int(self.about.get("config", {}).get("max_seq_length") or self._most)
        with self._turn, self._using(adapter):
            text = spans.best(self.model, self.tokenizer, question, context.strip(), window=window)
        count = len(self.tokenizer(question, context)["input_ids"])
        return Answer(iter([text]), count, len(self.tokenizer(text, add_special_tokens=False)["input_ids"]))


def tokenizer_place(place: Place) -> str:
    """An adapter of a job carries the tokenizer that it was trained with."""
    own = place.adapters.get(OWN)
    return str(own) if own and (own / "tokenizer_config.json").exists() else place.weights
