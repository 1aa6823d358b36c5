"""The image tests that openai-python ships in its source distribution."""

import re

from tests.clients import openai_suite


def test_every_test_of_the_suite_passes() -> None:
    with openai_suite.gateway() as base_url:
        closing = openai_suite.run_suite(base_url)
    assert re.match(r"100 passed in ", closing), closing
