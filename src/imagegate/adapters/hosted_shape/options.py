"""What the operator of a channel knows better than the catalog: how a model names its inputs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from imagegate.adapters import base


class InputNames(base.Options):
    """Names of inputs, for models whose names are not known."""

    image_field: str | None = Field(
        None, description="name of the input for reference pictures, for models whose name is not known"
    )
    image_form: Literal["list", "numbered", "one"] | None = Field(None, description="how several reference pictures are written")
    mask_field: str | None = Field(None, description="name of the input for the mask; white is what changes")
    count_field: str | None = Field(None, description="name of the input for the number of pictures")

    def names(self) -> dict[str, str | None]:
        """As words of a recipe."""
        return {
            "images": self.image_field,
            "several": self.image_form,
            "mask": self.mask_field,
            "count": self.count_field,
        }
