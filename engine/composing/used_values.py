"""The values that a message's template used, recorded so that the message can be rendered again from its template."""

from collections.abc import Callable, Iterable, Mapping

from engine.messages.render import RenderContext
from engine.messages.templates import TemplateLibrary

RENDERED_WITH = "render"
"""Key in the recorded values for what filters need: ``locale``, ``zone``, ``currency``. No template variable has this name."""

_Reading = tuple[str, tuple[str, ...] | None]
"""A top-level name of a template's values and the keys read below it; None if the whole value is read."""


class UsedValues:
    """Selects the values that a template reads, for one version of the templates."""

    def __init__(self, library_for: Callable[[str, str, str], TemplateLibrary]) -> None:
        """``library_for`` returns the library that serves a template's name, channel and locale."""
        self._library_for = library_for
        self._read: dict[tuple[str, str, str], tuple[_Reading, ...]] = {}

    def values(self, template: str, channel: str, context: RenderContext) -> dict[str, object]:
        """Return the values of ``context`` to record for a template that was rendered with it."""
        key = (template, channel, context.locale)
        if key not in self._read:
            self._read[key] = self._readings(*key)
        rendered_with = {"locale": context.locale, "zone": context.zone, "currency": context.currency}
        return {**_only(context.values, self._read[key]), RENDERED_WITH: rendered_with}

    def _readings(self, template: str, channel: str, locale: str) -> tuple[_Reading, ...]:
        library = self._library_for(template, channel, locale)
        path = library.path_of(template, channel, locale)
        names = [variable.name for variable in library.reading(path).variables] if path else []
        below: dict[str, dict[str, None]] = {}
        whole = set()
        for root, *keys in (name.split(".") for name in names):
            below.setdefault(root, {}).update(dict.fromkeys(keys[:1]))
            if not keys:
                whole.add(root)
        return tuple((root, None if root in whole else tuple(keys)) for root, keys in below.items())


def _only(values: Mapping[str, object], readings: Iterable[_Reading]) -> dict[str, object]:
    """Return the part of ``values`` that is read. Missing values stay missing, because templates can test for that."""
    kept: dict[str, object] = {}
    for root, keys in readings:
        if root not in values:
            continue
        value = values[root]
        if keys is None or not isinstance(value, (dict, Mapping)):
            kept[root] = value
        else:
            kept[root] = {key: value[key] for key in keys if key in value}
    return kept
