from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegate.domain.capabilities import Capabilities, Decider, SizePolicy, SizeRule, VendorFields
from imagegate.domain.images import ImageRequest, InputImage, Operation
from imagegate.domain.output import Output
from imagegate.domain.rules import OPTIONAL_PARAMETERS, Adjusted, adjust, splits, streams
from imagegate.errors import InvalidRequest, ModelNotFound

BOTH = frozenset(Operation)
LENIENT = Capabilities(BOTH, max_n=10, sizes=SizeRule(policy=SizePolicy.PASSTHROUGH), markup=True, partial_images=3)
CHOOSY = Capabilities(
    BOTH,
    max_n=4,
    max_prompt=100,
    sizes=SizeRule(fixed=((1024, 1024), (1536, 1024)), auto=False),
    qualities=("low", "medium", "high"),
    backgrounds=("auto", "opaque", "transparent"),
    formats=("png", "jpeg", "webp", "gif", "svg"),
    parameters=frozenset(),
    max_references=2,
    mask=False,
)


class Nothing:
    """Content that no rule looks at."""

    size = 0

    async def sha256(self) -> str:
        return ""

    async def chunks(self) -> AsyncIterator[bytes]:
        yield b""

    async def read(self) -> bytes:
        return b""


PICTURE = InputImage(Nothing(), "image/png", "image.png")
ASK = ImageRequest(Operation.GENERATE, "acme-1", "a cat")


def generate(capabilities: Capabilities, **asked: Any) -> Adjusted:
    return adjust(replace(ASK, **asked), capabilities)


def edit(capabilities: Capabilities, **asked: Any) -> Adjusted:
    return adjust(replace(ASK, **{"operation": Operation.EDIT, "images": (PICTURE,), **asked}), capabilities)


def refused(capabilities: Capabilities, **asked: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        generate(capabilities, **asked)
    return caught.value


@pytest.mark.parametrize("capabilities", [LENIENT, CHOOSY])
def test_a_plain_request_stays_as_it_is(capabilities: Capabilities) -> None:
    assert generate(capabilities) == Adjusted(ASK)


def test_a_lenient_model_takes_everything() -> None:
    asked: dict[str, Any] = {
        "n": 10,
        "size": "square_hd",
        "quality": "ultra",
        "background": "checkered",
        "output_format": "tiff",
        "moderation": "low",
        "style": "vivid",
        "complexity": "high",
        "user": "u",
        "safety_identifier": "s",
        "stream": True,
        "partial_images": 3,
        "mask": PICTURE,
        "markup": PICTURE,
        "input_fidelity": "high",
    }
    adjusted = edit(LENIENT, **asked)
    assert {name: getattr(adjusted.request, name) for name in asked} == asked
    assert (adjusted.dropped, adjusted.mapped) == ((), {})


@pytest.mark.parametrize(("operation", "words"), [(Operation.EDIT, "edit"), (Operation.GENERATE, "generate")])
def test_a_missing_operation_is_a_missing_model(operation: Operation, words: str) -> None:
    other = frozenset(BOTH - {operation})
    with pytest.raises(ModelNotFound) as caught:
        adjust(replace(ASK, operation=operation), replace(LENIENT, operations=other))
    assert "acme-1" in caught.value.message
    assert words in caught.value.message
    assert caught.value.param == "model"


@pytest.mark.parametrize("prompt", ["", "  \n"])
def test_an_empty_prompt_is_a_missing_one(prompt: str) -> None:
    error = refused(LENIENT, prompt=prompt)
    assert (error.param, error.code) == ("prompt", "missing_required_parameter")


def test_prompts_are_counted_in_characters() -> None:
    assert generate(CHOOSY, prompt="猫" * 100).request.prompt == "猫" * 100
    error = refused(CHOOSY, prompt="猫" * 101)
    assert (error.param, error.code) == ("prompt", "string_above_max_length")
    assert "100" in error.message


@pytest.mark.parametrize("n", [0, -1, 5])
def test_n_outside_the_models_range(n: int) -> None:
    assert refused(CHOOSY, n=n).param == "n"


def test_svg_is_made_one_at_a_time() -> None:
    assert generate(CHOOSY, n=1, output_format="svg").request.n == 1
    assert refused(CHOOSY, n=2, output_format="svg").param == "n"


@pytest.mark.parametrize(
    ("n", "most", "parts"), [(1, 1, (1,)), (10, 4, (4, 4, 2)), (4, 4, (4,)), (3, 1, (1, 1, 1)), (2, 10, (2,))]
)
def test_splits(n: int, most: int, parts: tuple[int, ...]) -> None:
    assert splits(n, most) == parts


def test_a_size_is_fitted_and_named() -> None:
    adjusted = generate(CHOOSY, size="1920*1080")
    assert adjusted.request.size == "1536x1024"
    assert adjusted.mapped == {"size": "1920x1080->1536x1024"}


def test_another_spelling_of_a_size_is_no_mapping() -> None:
    adjusted = generate(CHOOSY, size="1024 × 1024")
    assert adjusted.request.size == "1024x1024"
    assert adjusted.mapped == {}


def test_auto_says_nothing_to_models_without_the_word() -> None:
    model = replace(CHOOSY, backgrounds=("opaque",))
    adjusted = generate(model, size="auto", quality="auto", background="auto")
    assert adjusted == Adjusted(ASK)


def test_auto_is_kept_by_models_that_have_the_word() -> None:
    model = replace(CHOOSY, sizes=SizeRule(), qualities=("auto", "low"))
    adjusted = generate(model, size="AUTO", quality="auto", background="auto")
    assert (adjusted.request.size, adjusted.request.quality, adjusted.request.background) == ("auto", "auto", "auto")


@pytest.mark.parametrize("size", ["9:19.5", "2k", "square_hd", "auto", "300x200"])
def test_passthrough_keeps_the_callers_words(size: str) -> None:
    adjusted = generate(LENIENT, size=size)
    assert adjusted.request.size == size
    assert adjusted.mapped == {}


@pytest.mark.parametrize("decider", [Decider.INPUT, Decider.MODEL])
@pytest.mark.parametrize(
    ("asked", "told"),
    [("1024*1024", "1024x1024"), ("16:9", "16:9"), ("2k", "2K")],
)
def test_a_size_that_nobody_can_ask_for_is_taken_off_and_told(decider: Decider, asked: str, told: str) -> None:
    adjusted = edit(replace(CHOOSY, sizes=SizeRule(decided_by=decider)), size=asked)
    assert adjusted.request.size is None
    assert adjusted.mapped == {"size": f"{told}->{decider}"}


@pytest.mark.parametrize("decider", [Decider.INPUT, Decider.MODEL])
@pytest.mark.parametrize("policy", [SizePolicy.NEAREST, SizePolicy.STRICT])
def test_a_word_for_no_size_asks_for_none(decider: Decider, policy: SizePolicy) -> None:
    model = replace(CHOOSY, sizes=SizeRule(decided_by=decider, policy=policy))
    assert generate(model, size="auto") == generate(model) == Adjusted(ASK)


@pytest.mark.parametrize("decider", [Decider.INPUT, Decider.MODEL])
def test_a_strict_model_refuses_a_size_that_it_cannot_be_told(decider: Decider) -> None:
    error = refused(replace(CHOOSY, sizes=SizeRule(decided_by=decider, policy=SizePolicy.STRICT)), size="1024x1024")
    assert (error.param, error.code) == ("size", "invalid_size")


def test_a_word_that_is_no_size_is_refused_where_no_size_is_taken() -> None:
    assert refused(replace(CHOOSY, sizes=SizeRule(decided_by=Decider.INPUT)), size="large").param == "size"


def test_edits_and_edits_with_a_mask_have_their_own_sizes() -> None:
    model = replace(
        LENIENT,
        sizes=SizeRule(fixed=((64, 64),)),
        edit_sizes=SizeRule(fixed=((128, 128),)),
        mask_sizes=SizeRule(decided_by=Decider.INPUT),
    )
    assert generate(model, size="1024x1024").request.size == "64x64"
    assert edit(model, size="1024x1024").request.size == "128x128"
    assert edit(model, size="1024x1024", mask=PICTURE).mapped == {"size": "1024x1024->input"}
    assert edit(replace(model, mask_sizes=None), size="1024x1024", mask=PICTURE).request.size == "128x128"
    assert edit(replace(model, mask_sizes=None, edit_sizes=None), size="1024x1024", mask=PICTURE).request.size == "64x64"


def test_unknown_fields_go_along_or_are_named() -> None:
    extra = {"seed": 1, "loras[0]": "x", "Clarity": "x2", "webhook": "w"}
    assert generate(LENIENT, extra=extra) == Adjusted(replace(ASK, extra=extra))
    some = replace(LENIENT, vendor=VendorFields(only=frozenset({"seed", "loras", "[A-Z]*"})))
    adjusted = generate(some, extra=extra)
    assert adjusted.dropped == ("webhook",)
    assert adjusted.request.extra == {"seed": 1, "loras[0]": "x", "Clarity": "x2"}
    but_one = replace(LENIENT, vendor=VendorFields(never=frozenset({"webhook"})))
    assert generate(but_one, extra=extra).dropped == ("webhook",)


def test_an_unknown_field_never_stands_for_one_of_ours() -> None:
    assert generate(LENIENT, extra={"model": "x", "image[0]": "y", "n[]": 3}).dropped == ("model", "image[0]", "n[]")


def test_names_that_are_told_fit_into_a_header() -> None:
    model = replace(LENIENT, vendor=VendorFields(only=frozenset()))
    hostile = generate(model, extra={"a\r\nset-cookie: x,y": 1, "é" * 1000: 2}).dropped
    assert hostile == ("a??set-cookie:?x?y", "?" * 64)
    many = generate(model, extra={f"f{number}": 1 for number in range(1000)}).dropped
    assert (len(many), many[0], many[-1]) == (51, "f0", "950-more")


SIZED = VendorFields(only=frozenset({"seed"}), sizes=frozenset({"aspect_ratio", "resolution"}))


def test_a_size_leaves_nothing_to_say_to_the_providers_own_words() -> None:
    words = {"seed": 7, "aspect_ratio": "1:1", "resolution": "2K"}
    free = replace(CHOOSY, sizes=SizeRule(), vendor=SIZED)
    assert generate(free, extra=words) == generate(free, extra=words, size=None) == Adjusted(replace(ASK, extra=words))
    assert generate(free, extra=words, size="auto").dropped == ()
    said = generate(free, extra=words, size="512x512")
    assert (said.request.size, said.request.extra, said.dropped) == ("512x512", {"seed": 7}, ("aspect_ratio", "resolution"))


def test_the_providers_own_words_cannot_ask_for_a_size_either_where_nobody_can() -> None:
    model = replace(CHOOSY, sizes=SizeRule(decided_by=Decider.INPUT), vendor=SIZED)
    assert generate(model, extra={"seed": 7, "resolution": "2K"}).dropped == ("resolution",)


@pytest.mark.parametrize(
    ("size", "dropped"), [("16:9", ("aspect_ratio",)), ("2K", ("resolution",)), ("square_hd", ("aspect_ratio", "resolution"))]
)
def test_a_ratio_leaves_the_tier_to_be_said_and_a_tier_the_ratio(size: str, dropped: tuple[str, ...]) -> None:
    model = replace(LENIENT, vendor=SIZED)
    assert generate(model, size=size, extra={"aspect_ratio": "1:1", "resolution": "2K"}).dropped == dropped


def test_a_ratio_becomes_as_large_as_the_providers_own_field_says() -> None:
    model = replace(CHOOSY, sizes=SizeRule(multiple=16), vendor=SIZED)
    large = generate(model, size="16:9", extra={"resolution": "4k", "seed": 1})
    assert large.mapped == {"size": "16:9->5376x3024"}
    assert (large.request.extra, large.dropped) == ({"seed": 1}, ())
    plain = generate(model, size="16:9", extra={"resolution": "huge"})
    assert (plain.request.size, plain.dropped) == ("1280x720", ("resolution",))


@pytest.mark.parametrize("capabilities", [LENIENT, CHOOSY])
@pytest.mark.parametrize("size", ["0x0", "-5x100", "70000x1", "1024x", ""])
def test_impossible_sizes_are_refused_everywhere(capabilities: Capabilities, size: str) -> None:
    error = refused(capabilities, size=size)
    assert (error.param, error.code) == ("size", "invalid_size")


@pytest.mark.parametrize(
    ("asked", "choices", "sent"),
    [
        ("standard", ("low", "medium", "high"), "medium"),
        ("hd", ("low", "medium", "high"), "high"),
        ("xhigh", ("low", "medium", "high"), "high"),
        ("max", ("low", "medium", "high"), "high"),
        ("low", ("standard", "hd"), "standard"),
        ("medium", ("standard", "hd"), "standard"),
        ("high", ("standard", "hd"), "hd"),
        ("max", ("standard", "hd"), "hd"),
        ("medium", ("low", "high"), "low"),
    ],
)
def test_quality_is_mapped_by_rank(asked: str, choices: tuple[str, ...], sent: str) -> None:
    adjusted = generate(replace(CHOOSY, qualities=choices), quality=asked)
    assert adjusted.request.quality == sent
    assert adjusted.mapped == {"quality": f"{asked}->{sent}"}


@pytest.mark.parametrize(("asked", "choices"), [("ultra", ("low", "high")), ("high", ("TURBO", "BALANCED"))])
def test_unknown_qualities_are_refused_by_name(asked: str, choices: tuple[str, ...]) -> None:
    error = refused(replace(CHOOSY, qualities=choices), quality=asked)
    assert (error.param, error.code) == ("quality", "invalid_value")
    assert all(word in error.message for word in choices)


def test_a_model_without_a_quality_drops_it() -> None:
    model = replace(CHOOSY, qualities=())
    assert generate(model, quality="high").dropped == ("quality",)
    assert generate(model, quality="auto") == Adjusted(ASK)
    assert generate(replace(model, parameters=frozenset({"quality"})), quality="fast").request.quality == "fast"


@pytest.mark.parametrize("output_format", [None, "png", "webp", "gif"])
def test_transparency_with_a_format_that_has_it(output_format: str | None) -> None:
    adjusted = generate(CHOOSY, background="transparent", output_format=output_format)
    assert adjusted.request.background == "transparent"
    assert adjusted.dropped == ()


@pytest.mark.parametrize(
    ("capabilities", "output_format"),
    [
        (CHOOSY, "jpeg"),
        (LENIENT, "jpeg"),
        (replace(CHOOSY, backgrounds=("auto", "opaque")), None),
        (replace(CHOOSY, backgrounds=()), None),
    ],
)
def test_transparency_is_granted_or_refused(capabilities: Capabilities, output_format: str | None) -> None:
    error = refused(capabilities, background="transparent", output_format=output_format)
    assert (error.param, error.code) == ("background", "invalid_value")


def test_other_backgrounds() -> None:
    model = replace(CHOOSY, backgrounds=("transparent",))
    assert generate(model, background="opaque").dropped == ("background",)
    assert generate(replace(CHOOSY, backgrounds=()), background="opaque").dropped == ("background",)
    assert refused(CHOOSY, background="white").param == "background"


def formats(*names: str, takes: str = "") -> Capabilities:
    """A model whose provider can be asked for these formats."""
    return replace(CHOOSY, formats=names, parameters=frozenset(takes.split()))


@pytest.mark.parametrize(
    ("model", "asked", "sent", "mapped"),
    [
        (formats("png", "jpeg"), "png", "png", None),
        (formats("png", "jpeg"), "webp", "png", "png->webp"),  # what loses nothing on the way
        (formats("jpeg", "webp"), "png", None, "*->png"),
        (formats("png"), "png", "png", None),
        (formats("png"), "webp", None, "png->webp"),  # who makes one format is not asked for it
        (formats("jpeg"), "png", None, "jpeg->png"),
        (formats("gif", "png"), "jpeg", "png", "png->jpeg"),
        (formats(), "png", None, "*->png"),  # whatever the provider likes
        (formats(), "jpeg", None, "*->jpeg"),
        (formats(), "jpg", None, "*->jpeg"),
        (formats("png"), "jpg", None, "png->jpeg"),
        (formats(takes="output_format"), "webp", "webp", None),  # nobody knows which ones
        (LENIENT, "jpg", "jpg", None),
    ],
)
def test_a_format_is_asked_for_or_made(model: Capabilities, asked: str, sent: str | None, mapped: str | None) -> None:
    adjusted = generate(model, output_format=asked)
    assert adjusted.request.output_format == sent
    assert adjusted.output == Output("jpeg" if asked == "jpg" else asked), "also where the provider may not do as it is asked"
    assert adjusted.mapped == ({"output_format": mapped} if mapped else {})
    assert adjusted.dropped == ()


@pytest.mark.parametrize(
    ("model", "asked", "choices"),
    [
        (formats("png", "jpeg"), "gif", "png, jpeg or webp"),
        (formats("png", "webp"), "svg", "png, webp or jpeg"),
        (formats(), "svg", "png, jpeg or webp"),
        (formats(), "bmp", "png, jpeg or webp"),
        (formats("svg"), "png", "use svg."),  # a drawing cannot be made a picture
        (formats("svg"), "jpg", "use svg."),
        (CHOOSY, "tiff", "png, jpeg, webp, gif or svg"),
    ],
)
def test_a_format_that_nobody_makes_is_refused(model: Capabilities, asked: str, choices: str) -> None:
    error = refused(model, output_format=asked)
    assert (error.param, error.code) == ("output_format", "invalid_value")
    assert choices in error.message


@pytest.mark.parametrize("asked", ["gif", "svg", None])
def test_what_the_gateway_cannot_make_it_does_not_look_at(asked: str | None) -> None:
    assert generate(CHOOSY, output_format=asked).output is None


def test_a_compression_of_ours_is_not_sent() -> None:
    for model in (formats("png"), formats(), formats("png", "jpeg")):
        adjusted = generate(model, output_format="webp", output_compression=40)
        assert (adjusted.request.output_compression, adjusted.dropped) == (None, ())
        assert adjusted.output == Output("webp", 40, anew=True)
    adjusted = generate(formats("jpeg"), output_format="png", output_compression=40)
    assert (adjusted.output, adjusted.dropped) == (Output("png"), ("output_compression",))


def test_a_compression_of_the_provider_is_kept_in_mind() -> None:
    adjusted = generate(formats("png", "jpeg", takes="output_compression"), output_format="jpeg", output_compression=40)
    assert adjusted.request.output_compression == 40
    assert adjusted.output == Output("jpeg", 40), "for a provider that makes a PNG all the same"
    adjusted = generate(formats("png", "jpeg"), output_format="jpeg", output_compression=40)
    assert (adjusted.output, adjusted.dropped) == (Output("jpeg"), ("output_compression",))


@pytest.mark.parametrize("asked", ["jpeg", "jpg"])
def test_transparency_is_refused_for_a_picture_that_ends_as_jpeg(asked: str) -> None:
    model = replace(formats("png"), backgrounds=("transparent",))
    assert refused(model, background="transparent", output_format=asked).param == "background"
    assert generate(model, background="transparent", output_format="webp").request.background == "transparent"


def test_jpg_is_jpeg() -> None:
    adjusted = generate(CHOOSY, output_format="jpg")
    assert adjusted.request.output_format == "jpeg"
    assert adjusted.mapped == {"output_format": "jpg->jpeg"}


@pytest.mark.parametrize("output_format", [None, "png", "gif", "svg"])
def test_compression_without_an_effect_is_dropped(output_format: str | None) -> None:
    assert generate(LENIENT, output_compression=80, output_format=output_format).dropped == ("output_compression",)


def test_compression_with_an_effect_is_kept() -> None:
    assert generate(LENIENT, output_compression=0, output_format="jpeg").request.output_compression == 0
    assert generate(CHOOSY, output_compression=100, output_format="webp").dropped == ("output_compression",)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("output_compression", -1),
        ("output_compression", 101),
        ("frame_count", 1),
        ("frame_count", 17),
        ("frame_duration_ms", 0),
        ("partial_images", -1),
        ("partial_images", 4),
    ],
)
def test_numbers_out_of_range(field: str, value: int) -> None:
    for output_format in (None, "gif", "jpeg"):
        error = refused(LENIENT, **{field: value}, output_format=output_format, stream=True)
        assert (error.param, error.code) == (field, "invalid_value")


def test_frames_belong_to_gif_and_svg_options_to_svg() -> None:
    asked: dict[str, Any] = {"frame_count": 2, "frame_duration_ms": 20, "svg": {"model": "x"}}
    assert generate(LENIENT, **asked).dropped == ("frame_count", "frame_duration_ms", "svg")
    assert generate(LENIENT, **asked, output_format="gif").dropped == ("svg",)
    assert generate(LENIENT, **asked, output_format="svg").dropped == ("frame_count", "frame_duration_ms")


def test_optional_parameters_are_dropped_by_name() -> None:
    asked: dict[str, Any] = {"moderation": "low", "style": "vivid", "complexity": "low", "user": "u", "safety_identifier": "s"}
    adjusted = edit(replace(CHOOSY, parameters=frozenset({"user"})), **asked, input_fidelity="high")
    assert adjusted.request.user == "u"
    assert set(adjusted.dropped) == {"moderation", "style", "complexity", "safety_identifier", "input_fidelity"}
    assert adjusted.request.style is None


def test_fidelity_needs_an_input() -> None:
    assert generate(LENIENT, input_fidelity="high").dropped == ("input_fidelity",)
    assert edit(LENIENT, input_fidelity="high").dropped == ()


def test_optional_parameters_are_fields_of_a_request() -> None:
    assert set(OPTIONAL_PARAMETERS) <= {item.name for item in fields(ImageRequest)}


def test_an_edit_needs_an_image() -> None:
    with pytest.raises(InvalidRequest) as caught:
        edit(LENIENT, images=())
    assert (caught.value.param, caught.value.code) == ("image", "missing_required_parameter")


def test_too_many_references() -> None:
    assert len(edit(CHOOSY, images=(PICTURE,) * 2).request.images) == 2
    with pytest.raises(InvalidRequest) as caught:
        edit(CHOOSY, images=(PICTURE,) * 3)
    assert (caught.value.param, caught.value.code) == ("image", "too_many_images")


def test_a_mask_is_never_dropped() -> None:
    with pytest.raises(InvalidRequest) as caught:
        edit(CHOOSY, mask=PICTURE)
    assert (caught.value.param, caught.value.code) == ("mask", "invalid_value")


def test_markup_is_an_aid_and_may_be_dropped() -> None:
    adjusted = edit(replace(LENIENT, markup=False), markup=PICTURE, mask=PICTURE)
    assert adjusted.dropped == ("markup",)
    assert adjusted.request.mask is PICTURE
    assert adjusted.request.markup is None


def test_previews_that_nobody_streams_are_dropped_while_the_stream_stays() -> None:
    adjusted = generate(replace(LENIENT, partial_images=0), stream=True, partial_images=2)
    assert adjusted.dropped == ("partial_images",)
    assert adjusted.request.stream
    assert generate(LENIENT, partial_images=2).dropped == ("partial_images",)
    assert generate(LENIENT, stream=True, partial_images=2, output_format="gif").dropped == ("partial_images",)


def test_more_previews_than_the_model_makes() -> None:
    adjusted = generate(replace(LENIENT, partial_images=1), stream=True, partial_images=3)
    assert adjusted.mapped == {"partial_images": "3->1"}
    assert adjusted.request.partial_images == 1


def test_what_the_provider_itself_can_stream() -> None:
    asked = replace(ASK, stream=True)
    assert streams(asked, LENIENT)
    assert not streams(ASK, LENIENT)
    assert not streams(asked, CHOOSY)
    assert not streams(replace(asked, output_format="svg"), LENIENT)


requests = st.builds(
    ImageRequest,
    st.sampled_from(Operation),
    st.just("acme-1"),
    st.text(max_size=5),
    n=st.integers(0, 11),
    size=st.sampled_from([None, "auto", "1024x1024", "3000x1000", "16:9", "2K", "?"]),
    quality=st.sampled_from([None, "auto", "low", "standard", "hd", "max", "?"]),
    background=st.sampled_from([None, "auto", "opaque", "transparent"]),
    output_format=st.sampled_from([None, "png", "jpeg", "webp", "gif", "svg", "jpg", "bmp"]),
    output_compression=st.sampled_from([None, 0, 100, 101]),
    style=st.sampled_from([None, "vivid"]),
    stream=st.booleans(),
    partial_images=st.sampled_from([None, 0, 3]),
    frame_count=st.sampled_from([None, 2]),
    images=st.sampled_from([(), (PICTURE,)]),
    mask=st.sampled_from([None, PICTURE]),
)


@given(requests, st.sampled_from([LENIENT, CHOOSY, formats(), formats("jpeg"), formats("png", "jpeg"), formats("svg")]))
@settings(database=None, deadline=None, max_examples=300)
def test_nothing_is_lost_in_silence_and_a_second_pass_changes_nothing(request: ImageRequest, capabilities: Capabilities) -> None:
    try:
        adjusted = adjust(request, capabilities)
    except (InvalidRequest, ModelNotFound) as error:
        assert error.param
        return
    for item in fields(ImageRequest):
        before, after = getattr(request, item.name), getattr(adjusted.request, item.name)
        if before != after and before != "auto":
            ours = item.name == "output_compression" and adjusted.output is not None and adjusted.output.compression == before
            assert ours or item.name in {*adjusted.dropped, *adjusted.mapped}
    again = adjust(adjusted.request, capabilities)
    assert (again.request, again.dropped, again.mapped) == (adjusted.request, (), {})
