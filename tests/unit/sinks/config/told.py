"""What a person is told of a table that is wrong."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from okta_source.config.problems import explain, toml_path


def told(model: type[BaseModel], table: Mapping[str, Any], **context: object) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(table, context=context)
    return [f"{toml_path(place)}: {text}" for place, text in explain(caught.value, model)]
