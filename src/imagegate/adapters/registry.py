"""Every adapter by name: an explicit table. An adapter's module is imported when the configuration first needs it.

What has to be known without importing (which environment variables switch a provider on) stands here; the rest stands in the
adapter's own ``ROW``. Thirty providers' libraries would otherwise cost every start half a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

from imagegate.adapters.base import Adapter, AdapterRow, Tools

_PACKAGE = "imagegate.adapters"


@dataclass(frozen=True, slots=True)
class Entry:
    """``key_variables``: environment names that switch the provider on with no configuration file."""

    key_variables: tuple[str, ...] = ()
    base_url_variable: str | None = None


ENTRIES: Mapping[str, Entry] = {
    "openai": Entry(("OPENAI_API_KEY",), "OPENAI_BASE_URL"),
    "azure": Entry(("AZURE_OPENAI_API_KEY",), "AZURE_OPENAI_ENDPOINT"),
    "gemini": Entry(("GEMINI_API_KEY", "GOOGLE_API_KEY")),
    "vertex": Entry(("VERTEX_CREDENTIALS", "VERTEX_API_KEY")),
    "zhipu": Entry(("ZHIPU_API_KEY", "ZHIPUAI_API_KEY", "ZAI_API_KEY"), "ZAI_BASE_URL"),
    "dashscope": Entry(("DASHSCOPE_API_KEY",), "DASHSCOPE_HTTP_BASE_URL"),
    "ark": Entry(("ARK_API_KEY",), "ARK_BASE_URL"),
    "xai": Entry(("XAI_API_KEY",)),
    "minimax": Entry(("MINIMAX_API_KEY",), "MINIMAX_BASE_URL"),
    "siliconflow": Entry(("SILICONFLOW_API_KEY",), "SILICONFLOW_BASE_URL"),
    "together": Entry(("TOGETHER_API_KEY",)),
    "openrouter": Entry(("OPENROUTER_API_KEY",)),
    "bfl": Entry(("BFL_API_KEY",)),
    "stability": Entry(("STABILITY_API_KEY",)),
    "ideogram": Entry(("IDEOGRAM_API_KEY",)),
    "recraft": Entry(("RECRAFT_API_TOKEN", "RECRAFT_API_KEY")),
    "replicate": Entry(("REPLICATE_API_TOKEN",)),
    "fal": Entry(("FAL_KEY",)),
    "huggingface": Entry(("HF_TOKEN", "HUGGINGFACE_API_KEY")),
    "fireworks": Entry(("FIREWORKS_API_KEY",)),
    "bedrock": Entry(("AWS_BEARER_TOKEN_BEDROCK",)),
    "cloudflare": Entry(("CLOUDFLARE_AI_KEY",)),
    "tencent": Entry(("TENCENT_API_KEY",), "TENCENT_BASE_URL"),
    "qianfan": Entry(("QIANFAN_API_KEY",)),
    "modelscope": Entry(("MODELSCOPE_API_KEY", "MODELSCOPE_API_TOKEN")),
    "kling": Entry(("KLING_API_KEY",), "KLING_BASE_URL"),
    "automatic1111": Entry(),
    "comfyui": Entry(),
    "sandbox": Entry(),
}


class Rows(Mapping[str, AdapterRow]):
    """The rows by name; asking for one imports its adapter, listing the names imports nothing."""

    def __init__(self, names: Iterable[str] = ENTRIES) -> None:
        self._names = tuple(names)
        self._loaded: dict[str, AdapterRow] = {}

    def __getitem__(self, name: str) -> AdapterRow:
        if name not in self._loaded:
            if name not in self._names:
                raise KeyError(name)
            row = import_module(f"{_PACKAGE}.{name}").ROW
            assert isinstance(row, AdapterRow)  # the module's contract
            self._loaded[name] = row
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def build(names: Iterable[str], tools: Tools) -> dict[str, Adapter]:
    """One instance of each adapter that is named."""
    rows = Rows()
    return {name: rows[name].make(tools) for name in sorted(set(names))}
