from __future__ import annotations

from imagegate.api.openai.form_limits import FormLimits

MIB = 1024**2


def test_the_longest_body_has_room_for_all_pictures_and_text() -> None:
    limits = FormLimits()
    assert (limits.max_images, limits.max_image_bytes) == (16, 50 * MIB)
    pictures, text = 18 * 50 * MIB, limits.max_fields_bytes
    assert pictures + text < limits.max_body_bytes < pictures + text + 2 * MIB


def test_it_follows_the_other_limits() -> None:
    small, large = FormLimits(max_images=1, max_image_bytes=10), FormLimits(max_images=2, max_image_bytes=10)
    assert large.max_body_bytes - small.max_body_bytes == 10


def test_a_picture_as_text_may_be_as_long_as_openai_says() -> None:
    assert FormLimits().max_reference_bytes >= 20_971_520
