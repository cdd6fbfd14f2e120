"""Servers that speak OpenAI's API and differ only in data: a row each, no code.

A project names one (`groq: {}`) and it works as kind `openai` with this address and this key. A row holds what the operator's own
page says: base URL, the variable its examples keep the key in, which operations are documented there. Models, prices and limits of
an account change by the week and are left to the project file. Those of this machine need no key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from runner.fields import Field, Operation
from runner.providers import openai
from runner.providers.contract import Batching, Options, never_polled
from runner.providers.openai_batch import CHAT_BATCH
from runner.records import Answer, Call, Json, Limits, Request, Step
from runner.verdicts import Verdict


@dataclass(slots=True, eq=False)
class Preset:
    """One such server, as a provider: what is not in its row is borrowed. `offers` are the operations its operator documents."""

    NAME: str
    BASE_URL: str
    DOC: str
    KEYS: Mapping[str, str]
    NEEDED_AT_HOME: frozenset[str] = frozenset()
    BATCH: Batching | None = None
    offers: tuple[str, ...] = ("chat",)
    concurrent: int = 8
    OPTIONAL_KEYS: frozenset[str] = openai.OPTIONAL_KEYS
    OPTIONS: Mapping[str, Field] = field(default_factory=lambda: openai.OPTIONS)

    def operations(self, options: Options) -> Mapping[str, Operation]:
        """Those its operator documents."""
        return {name: operation for name, operation in openai.operations(options).items() if name in self.offers}

    def limits(self, options: Options) -> Limits:
        """None that hold for every account: some calls at once."""
        return Limits(concurrent=self.concurrent)

    def defaults(self, operation: str, options: Options) -> Mapping[str, Json]:
        """As kind `openai`."""
        return openai.defaults(operation, options)

    def weigh(self, request: Request, options: Options) -> int:
        """As kind `openai`."""
        return openai.weigh(request, options)

    def submit(self, request: Request, options: Options) -> Call:
        """As kind `openai`."""
        return openai.submit(request, options)

    def poll(self, request: Request, ticket: str, options: Options) -> Call:
        """As kind `openai`, where the operator takes batches. Raises `ValueError` elsewhere."""
        return never_polled(request, ticket, options) if self.BATCH is None else openai.poll(request, ticket, options)

    def read(self, step: Step, answer: Answer, request: Request, options: Options) -> Verdict:
        """As kind `openai`."""
        return openai.read(step, answer, request, options)


def _remote(name: str, base_url: str, doc: str, variable: str, **more: Any) -> Preset:
    """A row of an operator that wants a key."""
    return Preset(name, base_url, doc, {"key": variable}, frozenset({"key"}), **more)


def _local(name: str, base_url: str, doc: str, **more: Any) -> Preset:
    """A row of a server on this machine: it has a key only where the project file names one."""
    return Preset(name, base_url, doc, {"key": f"{name.upper()}_API_KEY"}, **more)


_ROWS: Final = (
    _remote("groq", "https://api.groq.com/openai/v1", "https://console.groq.com/docs/openai", "GROQ_API_KEY", BATCH=CHAT_BATCH),
    _remote(
        "together",
        "https://api.together.ai/v1",
        "https://docs.together.ai/docs/inference/openai-compatibility",
        "TOGETHER_API_KEY",
        offers=("chat", "image"),
    ),
    _remote("mistral", "https://api.mistral.ai/v1", "https://docs.mistral.ai/api", "MISTRAL_API_KEY"),
    _remote("deepseek", "https://api.deepseek.com", "https://api-docs.deepseek.com", "DEEPSEEK_API_KEY"),
    _remote("openrouter", "https://openrouter.ai/api/v1", "https://openrouter.ai/docs/quickstart", "OPENROUTER_API_KEY"),
    _remote(
        "fireworks",
        "https://api.fireworks.ai/inference/v1",
        "https://docs.fireworks.ai/tools-sdks/openai-compatibility",
        "FIREWORKS_API_KEY",
    ),
    _remote("xai", "https://api.x.ai/v1", "https://docs.x.ai/docs/api-reference", "XAI_API_KEY"),
    _remote("cerebras", "https://api.cerebras.ai/v1", "https://inference-docs.cerebras.ai/resources/openai", "CEREBRAS_API_KEY"),
    _local("ollama", "http://127.0.0.1:11434/v1", "https://docs.ollama.com/api/openai-compatibility"),
    _local("lmstudio", "http://127.0.0.1:1234/v1", "https://lmstudio.ai/docs/developer/openai-compat"),
    _local("llamacpp", "http://127.0.0.1:8080/v1", "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md"),
    _local(
        "vllm", "http://127.0.0.1:8000/v1", "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html", concurrent=64
    ),
)
PRESETS: Final[Mapping[str, Preset]] = {row.NAME: row for row in _ROWS}
"""Every such server by the name a project file gives it."""
