"""The simulator against Google's own SDK in its Vertex AI mode."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials
from google.oauth2.service_account import Credentials as SigningCredentials
from PIL import Image

from tests.simulators.vertex import PROJECT, TOKEN, VertexSimulator
from tests.support import pictures
from tests.support.service_account import service_account

pytestmark = pytest.mark.filterwarnings(
    "ignore:The generate_images method is deprecated",
    "ignore:The edit_image method is deprecated",
)
IMAGEN, EDITOR = "imagen-4.0-generate-001", "imagen-3.0-capability-001"
_bearer: Callable[[str], Any] = Credentials
_signing: Callable[..., Any] = SigningCredentials.from_service_account_info


@pytest.fixture
def sim() -> Iterator[VertexSimulator]:
    with VertexSimulator() as simulator:
        yield simulator


def connected(sim: VertexSimulator, credentials: Any) -> genai.Client:
    """A client to close; it reads no certificates."""
    options = types.HttpOptions(base_url=sim.url, api_version="v1", client_args={"verify": False})
    return genai.Client(vertexai=True, project=PROJECT, location="us-central1", credentials=credentials, http_options=options)


@pytest.fixture
def client(sim: VertexSimulator) -> Iterator[genai.Client]:
    with connected(sim, _bearer(TOKEN)) as sdk:
        yield sdk


def test_gemini_with_what_only_vertex_has(sim: VertexSimulator, client: genai.Client) -> None:
    image = types.ImageConfig(aspect_ratio="21:9", image_size="1K", person_generation="ALLOW_ALL", output_mime_type="image/png")
    config = types.GenerateContentConfig(response_modalities=["IMAGE"], image_config=image, labels={"team_a": "b"})
    answer = client.models.generate_content(model="gemini-3-pro-image", contents="a cat", config=config)
    blob = (answer.parts or [])[0].inline_data
    assert blob and pictures.look(blob.data or b"") == ("png", (1584, 672), "RGB")
    place = f"/v1/projects/{PROJECT}/locations/us-central1/publishers/google/models"
    assert sim.requests[-1].path == f"{place}/gemini-3-pro-image:generateContent"


def test_a_stream(client: genai.Client) -> None:
    chunks = list(client.models.generate_content_stream(model="gemini-2.5-flash-image", contents="a cat"))
    assert [bool((chunk.parts or [])[0].inline_data) for chunk in chunks] == [True, False]


def test_imagen(client: genai.Client) -> None:
    config = types.GenerateImagesConfig(
        number_of_images=2,
        aspect_ratio="16:9",
        image_size="2K",
        enhance_prompt=True,
        seed=3,
        add_watermark=False,
        negative_prompt="dogs",
        guidance_scale=3,
        output_mime_type="image/jpeg",
        output_compression_quality=70,
        person_generation=types.PersonGeneration.ALLOW_ADULT,
        safety_filter_level=types.SafetyFilterLevel.BLOCK_ONLY_HIGH,
        include_rai_reason=True,
        language=types.ImagePromptLanguage.en,
    )
    made = client.models.generate_images(model=IMAGEN, prompt="a cat", config=config).generated_images or []
    assert len(made) == 2 and made[0].enhanced_prompt == "A detailed picture: a cat"
    assert made[0].image and pictures.look(made[0].image.image_bytes or b"") == ("jpeg", (2816, 1536), "RGB")


def test_imagen_holds_pictures_back(client: genai.Client) -> None:
    assert not client.models.generate_images(model=IMAGEN, prompt="[rai_all]").generated_images
    made = client.models.generate_images(model=IMAGEN, prompt="[rai_reason]").generated_images or []
    assert "58061214" in (made[0].rai_filtered_reason or "")


def test_imagen_edits_inside_a_mask(client: genai.Client) -> None:
    white = BytesIO()
    Image.new("L", (16, 16), 255).save(white, "PNG")
    raw = types.Image(image_bytes=pictures.png(), mime_type="image/png")
    area = types.Image(image_bytes=white.getvalue(), mime_type="image/png")
    mask_config = types.MaskReferenceConfig(mask_mode=types.MaskReferenceMode.MASK_MODE_USER_PROVIDED, mask_dilation=0.03)
    answer = client.models.edit_image(
        model=EDITOR,
        prompt="a hat",
        reference_images=[
            types.RawReferenceImage(reference_id=1, reference_image=raw),
            types.MaskReferenceImage(reference_id=2, reference_image=area, config=mask_config),
        ],
        config=types.EditImageConfig(edit_mode=types.EditMode.EDIT_MODE_INPAINT_INSERTION, number_of_images=1, base_steps=30),
    )
    assert len(answer.generated_images or []) == 1


@pytest.mark.parametrize(
    ("model", "config"),
    [
        (IMAGEN, {"number_of_images": 9}),
        (IMAGEN, {"seed": 3}),
        (IMAGEN, {"aspect_ratio": "2:3"}),
        ("imagen-3.0-generate-002", {"image_size": "2K"}),
        (EDITOR, {}),
    ],
)
def test_what_imagen_refuses(client: genai.Client, model: str, config: dict[str, Any]) -> None:
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_images(model=model, prompt="a cat", config=types.GenerateImagesConfig(**config))
    assert caught.value.status == "INVALID_ARGUMENT"


def test_a_wrong_token_is_a_401(sim: VertexSimulator) -> None:
    with connected(sim, _bearer("another")) as sdk, pytest.raises(errors.ClientError) as caught:
        sdk.models.generate_content(model="gemini-2.5-flash-image", contents="x")
    assert (caught.value.code, caught.value.status) == (401, "UNAUTHENTICATED")


def test_express_mode_has_a_key_and_no_project(sim: VertexSimulator) -> None:
    options = types.HttpOptions(base_url=sim.url, api_version="v1", client_args={"verify": False})
    with genai.Client(vertexai=True, api_key=sim.key, http_options=options) as sdk:
        assert sdk.models.generate_content(model="gemini-2.5-flash-image", contents="x").parts
    assert sim.requests[-1].path == "/v1/publishers/google/models/gemini-2.5-flash-image:generateContent"


def test_a_token_that_googles_library_signed(sim: VertexSimulator) -> None:
    account = service_account(PROJECT)
    scopes = ["https://www.googleapis.com/auth/cloud-platform"]
    credentials = _signing(json.loads(account.key), scopes=scopes, always_use_jwt_access=True)
    credentials._create_self_signed_jwt(None)
    token = credentials._jwt_credentials._make_jwt()[0].decode()  # refresh() would ask the network about regions
    with connected(sim, _bearer(token)) as sdk:
        with pytest.raises(errors.ClientError):
            sdk.models.generate_content(model="gemini-2.5-flash-image", contents="x")
        sim.accounts[account.email] = account.public
        assert sdk.models.generate_content(model="gemini-2.5-flash-image", contents="x").parts
