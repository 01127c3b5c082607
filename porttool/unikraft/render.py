"""The one door to the templates."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("porttool.unikraft", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def render(template: str, **values: Any) -> bytes:  # noqa: ANN401 - whatever jinja2 takes
    """Fill in ``template`` (a path below ``templates/``). Every value must be safe to write."""
    return _environment().get_template(template).render(**values).encode("utf-8")
