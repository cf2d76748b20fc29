"""The values that a message's template used, recorded so that the message can be rendered again from its template."""

from collections.abc import Iterable, Mapping

from engine.messages.render import RenderContext
from engine.messages.templates import TemplateLibrary

RENDERED_WITH = "render"
"""Key in the recorded values for what filters need: ``locale``, ``zone``, ``currency``. No template variable has this name."""

_Path = tuple[str, str | None]
"""A top-level name of a template's values and the key read below it; None if the whole value is read."""


class UsedValues:
    """Selects the values that a template reads, for one version of the templates."""

    def __init__(self, library: TemplateLibrary) -> None:
        self._library = library
        self._read: dict[tuple[str, str, str], tuple[_Path, ...]] = {}

    def values(self, template: str, channel: str, context: RenderContext) -> dict[str, object]:
        """Return the values of ``context`` to record for a template that was rendered with it."""
        key = (template, channel, context.locale)
        if key not in self._read:
            self._read[key] = self._paths(*key)
        rendered_with = {"locale": context.locale, "zone": context.zone, "currency": context.currency}
        return {**_only(context.values, self._read[key]), RENDERED_WITH: rendered_with}

    def _paths(self, template: str, channel: str, locale: str) -> tuple[_Path, ...]:
        path = self._library.path_of(template, channel, locale)
        names = [variable.name for variable in self._library.reading(path).variables] if path else []
        return tuple(dict.fromkeys(_path(name) for name in names))


def _path(name: str) -> _Path:
    root, *below = name.split(".")
    return root, below[0] if below else None


def _only(values: Mapping[str, object], paths: Iterable[_Path]) -> dict[str, object]:
    """Return the part of ``values`` under ``paths``. Missing values stay missing, because templates can test for that."""
    kept: dict[str, object] = {}
    whole = set()
    for root, below in paths:
        if root not in values:
            continue
        value = values[root]
        if below is None or not isinstance(value, Mapping):
            kept[root] = value
            whole.add(root)
        elif root not in whole:
            part = kept.setdefault(root, {})
            assert isinstance(part, dict)
            if below in value:
                part[below] = value[below]
    return kept
