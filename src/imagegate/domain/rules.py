"""What a model's capabilities make of a request: fields are kept, mapped, dropped by name, or refused. Pure.

``auto`` for size, quality and background is how clients say nothing; a model without that word is not sent it, and
no mention is made. Fields that change the result (operation, ``n``, size, format, mask) are never dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from imagegate.domain import vendor
from imagegate.domain.capabilities import Capabilities, Decider, SizePolicy, SizeRule
from imagegate.domain.fitting import fit_size
from imagegate.domain.images import ImageRequest, Operation
from imagegate.domain.output import CONVERTIBLE, Output, converted
from imagegate.domain.sizes import Auto, PixelSize, Ratio, Tier, invalid_size, parse_size
from imagegate.errors import InvalidRequest, ModelNotFound

_PLAIN_PARAMETERS = (
    "moderation",
    "style",
    "input_fidelity",
    "complexity",
    "user",
    "safety_identifier",
    "output_compression",
    "frame_count",
    "frame_duration_ms",
    "svg",
)
OPTIONAL_PARAMETERS = (*_PLAIN_PARAMETERS, "quality", "background", "output_format")
"""Names that ``Capabilities.parameters`` may hold. The last three are also taken when their choices are listed."""

MAX_PARTIAL_IMAGES = 3
"""Most previews that the protocol lets a caller ask for."""

_ALPHA_FORMATS = frozenset({"png", "webp", "gif"})
_COMPRESSED_FORMATS = frozenset({"jpeg", "webp"})
_UNSTREAMED_FORMATS = frozenset({"gif", "svg"})
_QUALITY_RANKS = {"low": 1, "standard": 2, "medium": 2, "hd": 3, "high": 3, "xhigh": 4, "max": 5}
_PROVIDER_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A request that the model takes. ``dropped``: names left out. ``mapped``: name to ``asked->sent``.

    ``output``: what the picture has to be when it leaves, where the gateway can see to it. A format that the provider cannot be
    asked for is in ``mapped`` as ``made->asked``, with ``*`` for whatever it makes.
    """

    request: ImageRequest
    dropped: tuple[str, ...] = ()
    mapped: Mapping[str, str] = field(default_factory=dict)
    output: Output | None = None


def adjust(request: ImageRequest, capabilities: Capabilities) -> Adjusted:
    """Apply one model's capabilities.

    Raises ``ModelNotFound`` when the model lacks the operation, ``InvalidRequest`` naming the field for what cannot
    be mapped or dropped without changing the result.
    """
    draft = _Draft(request, capabilities)
    for rule in _RULES:
        rule(draft)
    return Adjusted(draft.request, tuple(draft.dropped), draft.mapped, draft.output)


def splits(n: int, max_n: int) -> tuple[int, ...]:
    """How many pictures each call makes when ``n`` are wanted and one call makes at most ``max_n``; 10 by 4 is 4, 4, 2."""
    full, rest = divmod(n, max_n)
    return (max_n,) * full + ((rest,) if rest else ())


def streams(request: ImageRequest, capabilities: Capabilities) -> bool:
    """Whether the provider itself can stream this adjusted request; OpenAI streams neither gif nor svg."""
    return request.stream and capabilities.partial_images > 0 and request.output_format not in _UNSTREAMED_FORMATS


class _Draft:
    """The request while the rules work on it, and what they did."""

    def __init__(self, request: ImageRequest, capabilities: Capabilities) -> None:
        self.request = request
        self.capabilities = capabilities
        self.dropped: list[str] = []
        self.mapped: dict[str, str] = {}
        self.output: Output | None = None
        self.converts = False

    @property
    def final_format(self) -> str | None:
        """The format that the caller gets, also when it is not the one that the provider is asked for."""
        return self.output.format if self.output else self.request.output_format

    def takes(self, name: str) -> bool:
        """Whether the model has the optional field."""
        return self.capabilities.parameters is None or name in self.capabilities.parameters

    def change(self, name: str, value: Any) -> None:
        """Set a field without mention."""
        if getattr(self.request, name) != value:
            self.request = replace(self.request, **{name: value})

    def drop(self, name: str) -> None:
        """Leave a field out and say so."""
        self.change(name, None)
        self.dropped.append(name)

    def leave_out(self, *names: str) -> None:
        """Take unknown fields off the request without mention."""
        self.change("extra", {name: value for name, value in self.request.extra.items() if name not in names})

    def map(self, name: str, asked: object, sent: object) -> None:
        """Send another value than the caller's and say so."""
        self.change(name, sent)
        self.mapped[name] = f"{asked}->{sent}"


def _operation(draft: _Draft) -> None:
    request = draft.request
    if request.operation not in draft.capabilities.operations:
        verb = "generate pictures from a prompt alone" if request.operation is Operation.GENERATE else "edit pictures"
        raise ModelNotFound(f"The model '{request.model}' cannot {verb}; choose one that can.", param="model")


def _prompt(draft: _Draft) -> None:
    length, longest = len(draft.request.prompt), draft.capabilities.max_prompt
    if not draft.request.prompt.strip():
        raise InvalidRequest("A prompt is required.", param="prompt", code="missing_required_parameter")
    if length > longest:
        message = f"The prompt has {length} characters; this model takes at most {longest}."
        raise InvalidRequest(message, param="prompt", code="string_above_max_length")


def _output_format(draft: _Draft) -> None:
    asked, formats = draft.request.output_format, draft.capabilities.formats
    if asked is None:
        return
    wanted = "jpeg" if asked == "jpg" else asked
    if wanted in CONVERTIBLE:
        draft.output = Output(wanted)  # a provider may not do what it was asked for
    if asked in formats or (not formats and draft.takes("output_format")):
        return
    if wanted in formats:
        draft.map("output_format", asked, wanted)
    else:
        _convert(draft, wanted)


def _convert(draft: _Draft, wanted: str) -> None:
    """Ask the provider for something that can be made into the wanted format: without loss, if it has the choice."""
    formats = draft.capabilities.formats
    ours = converted(formats)
    if wanted not in ours:
        message = f"This model does not make '{_short(wanted)}'; use {_either([*formats, *ours])}."
        raise InvalidRequest(message, param="output_format")
    sent = "png" if "png" in formats and len(formats) > 1 else None
    made = sent or (formats[0] if len(formats) == 1 else "*")
    draft.output, draft.converts = Output(wanted), True
    draft.change("output_format", sent)
    draft.mapped["output_format"] = f"{made}->{wanted}"


def _count(draft: _Draft) -> None:
    most = 1 if draft.request.output_format == "svg" else draft.capabilities.max_n
    if draft.request.n < 1:
        raise InvalidRequest("'n' must be at least 1.", param="n")
    if draft.request.n > most:
        what = "svg output" if draft.request.output_format == "svg" else "this model"
        raise InvalidRequest(f"'n' is {draft.request.n}, but {what} allows at most {most} in one request.", param="n")


def _size(draft: _Draft) -> None:
    text, rule = draft.request.size, draft.capabilities.sizes_for(draft.request)
    if text is None:
        return
    if rule.decided_by is not Decider.CALLER:
        _size_of_another(draft, text, rule)
        return
    if rule.policy is SizePolicy.PASSTHROUGH and _PROVIDER_WORD.fullmatch(text):
        return
    asked = parse_size(text)
    if isinstance(asked, Auto) and not rule.auto:
        draft.change("size", None)
        return
    if rule.policy is SizePolicy.PASSTHROUGH and not isinstance(asked, PixelSize):
        return  # "9:19.5" must not reach a provider as "6:13"
    fitted = fit_size(asked, rule, _tier_beside(draft) if isinstance(asked, Ratio) else None)
    if fitted == str(asked):
        draft.change("size", fitted)
    else:
        draft.map("size", asked, fitted)


def _size_of_another(draft: _Draft, text: str, rule: SizeRule) -> None:
    """There is no way to ask for a size, so none is sent; ``auto`` asks for none."""
    asked = parse_size(text)
    if isinstance(asked, Auto):
        draft.change("size", None)
        return
    if rule.policy is SizePolicy.STRICT:
        whose = "the size of its picture follows from the one that you send" if rule.decided_by is Decider.INPUT else "it decides"
        raise invalid_size(f"This model takes no size ({whose}); leave 'size' out or send 'auto'.")
    draft.map("size", asked, rule.decided_by)
    draft.change("size", None)


def _tier_beside(draft: _Draft) -> Tier | None:
    """How large a ratio shall become, as a provider's own field says; the field has then done its work."""
    found = vendor.tier_beside(draft.request, draft.capabilities)
    if found is None:
        return None
    draft.leave_out(found[0])
    return found[1]


def _unknown_fields(draft: _Draft) -> None:
    if names := vendor.lost(draft.request, draft.capabilities):
        draft.leave_out(*names)
        draft.dropped.extend(vendor.told(names))


def _quality(draft: _Draft) -> None:
    asked, choices = draft.request.quality, draft.capabilities.qualities
    if asked is None or asked in choices:
        return
    if not choices:
        _without_choices(draft, "quality", asked)
    elif asked == "auto":
        draft.change("quality", None)
    else:
        draft.map("quality", asked, _nearest_quality(asked, choices))


def _nearest_quality(asked: str, choices: Sequence[str]) -> str:
    """The choice nearest in rank, the cheaper one of two; words without a rank have no neighbours."""
    rank = _QUALITY_RANKS.get(asked)
    ranked = [word for word in choices if word in _QUALITY_RANKS]
    if rank is None or not ranked:
        raise InvalidRequest(f"Quality '{_short(asked)}' is unknown here; use {_either(choices)}.", param="quality")
    return min(ranked, key=lambda word: (abs(_QUALITY_RANKS[word] - rank), _QUALITY_RANKS[word]))


def _without_choices(draft: _Draft, name: str, asked: str) -> None:
    """A field whose values are the provider's business, or that the model does not have at all."""
    if draft.takes(name):
        return
    if asked == "auto":
        draft.change(name, None)
    else:
        draft.drop(name)


def _background(draft: _Draft) -> None:
    asked, choices = draft.request.background, draft.capabilities.backgrounds
    if asked == "transparent":
        _transparent(draft)
    elif asked is None or asked in choices:
        return
    elif not choices:
        _without_choices(draft, "background", asked)
    elif asked == "auto":
        draft.change("background", None)
    elif asked == "opaque":
        draft.drop("background")
    else:
        raise InvalidRequest(f"Background '{_short(asked)}' is unknown; use {_either(choices)}.", param="background")


def _transparent(draft: _Draft) -> None:
    """Transparency changes the result, so it is granted or refused."""
    choices = draft.capabilities.backgrounds
    if "transparent" not in choices and (choices or not draft.takes("background")):
        raise InvalidRequest("This model cannot make transparent backgrounds.", param="background")
    output_format = draft.final_format
    if output_format is not None and output_format not in _ALPHA_FORMATS:
        message = f"A transparent background needs output_format png, webp or gif, not '{_short(output_format)}'."
        raise InvalidRequest(message, param="background")


def _compression(draft: _Draft) -> None:
    if not _within(draft, "output_compression", 0, 100):
        return
    value, output = draft.request.output_compression, draft.output
    if draft.final_format not in _COMPRESSED_FORMATS:
        draft.drop("output_compression")
    elif output is not None and draft.converts:
        draft.output = replace(output, compression=value, anew=True)
        draft.change("output_compression", None)
    elif output is not None and draft.takes("output_compression"):
        draft.output = replace(output, compression=value)


def _frames(draft: _Draft) -> None:
    count = _within(draft, "frame_count", 2, 16)
    duration = _within(draft, "frame_duration_ms", 1, None)
    if draft.request.output_format != "gif":
        if count:
            draft.drop("frame_count")
        if duration:
            draft.drop("frame_duration_ms")


def _svg(draft: _Draft) -> None:
    if draft.request.svg is not None and draft.request.output_format != "svg":
        draft.drop("svg")


def _input_fidelity(draft: _Draft) -> None:
    if draft.request.input_fidelity is not None and draft.request.operation is Operation.GENERATE:
        draft.drop("input_fidelity")


def _references(draft: _Draft) -> None:
    count, most = len(draft.request.images), draft.capabilities.max_references
    if draft.request.operation is Operation.EDIT and not count:
        raise InvalidRequest("An edit needs at least one image.", param="image", code="missing_required_parameter")
    if count > most:
        message = f"{count} images were sent; this model takes at most {most}."
        raise InvalidRequest(message, param="image", code="too_many_images")


def _mask(draft: _Draft) -> None:
    if draft.request.mask is not None and not draft.capabilities.mask:
        raise InvalidRequest("This model takes no mask; leave it out or choose another model.", param="mask")


def _markup(draft: _Draft) -> None:
    if draft.request.markup is not None and not draft.capabilities.markup:
        draft.drop("markup")


def _previews(draft: _Draft) -> None:
    if not _within(draft, "partial_images", 0, MAX_PARTIAL_IMAGES):
        return
    asked, most = draft.request.partial_images or 0, draft.capabilities.partial_images
    if not streams(draft.request, draft.capabilities):
        draft.drop("partial_images")
    elif asked > most:
        draft.map("partial_images", asked, most)


def _optional(draft: _Draft) -> None:
    for name in _PLAIN_PARAMETERS:
        if getattr(draft.request, name) is not None and not draft.takes(name):
            draft.drop(name)


def _within(draft: _Draft, name: str, low: int, high: int | None) -> bool:
    """Whether the field was given; refuses numbers outside ``low`` to ``high``."""
    value = getattr(draft.request, name)
    if value is None:
        return False
    if value < low or (high is not None and value > high):
        bounds = f"at least {low}" if high is None else f"between {low} and {high}"
        raise InvalidRequest(f"'{name}' must be {bounds}, not {value}.", param=name)
    return True


def _either(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _short(word: str) -> str:
    """The caller's own word, short and safe enough for a message."""
    shown = "".join(character if character.isprintable() else "?" for character in word[:40])
    return shown if len(word) <= 40 else f"{shown}…"


_RULES: tuple[Callable[[_Draft], None], ...] = (
    _operation,
    _prompt,
    _output_format,  # before the rules that look at the format
    _count,
    _size,
    _quality,
    _background,
    _compression,
    _frames,
    _svg,
    _input_fidelity,
    _references,
    _mask,
    _markup,
    _previews,
    _optional,
    _unknown_fields,  # after the rule of the size, which reads some
)
