"""Pictures by the slot that names them; their upload is tested with the adapter."""

from __future__ import annotations

from imagegate.adapters._comfyui.uploads import uploads
from imagegate.domain.images import ImageRequest, Operation
from tests.adapters.contract import mask, reference


def test_a_slot_for_each_picture() -> None:
    first, second, area = reference(), reference(color=(1, 2, 3)), mask()
    asked = ImageRequest(Operation.EDIT, "m", "a cat", images=(first, second), mask=area)
    assert list(uploads(asked)) == [("image_0", first), ("image_1", second), ("mask", area)]
    assert not list(uploads(ImageRequest(Operation.GENERATE, "m", "a cat")))
