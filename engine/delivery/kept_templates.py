"""Templates that are gone from the files, but that messages still need: kept in the newest version that had them.

A running version of a playbook sends templates by their names. As long as the files have a template of the name, in
whatever form, it is used; once they have none, the last one that they had. It comes with the layouts, partials and
locales of the same version. Nothing is asked of the store until a message needs a template that is gone.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

from sqlalchemy import Connection

from engine.composing.draft import Recipe
from engine.content.bundle import TEMPLATES
from engine.content.value_types import ValueType
from engine.content.versions import bundles_with
from engine.facts.catalog import FactCatalog
from engine.messages.templates import MessageName, TemplateLibrary


@dataclass(frozen=True)
class TemplateNeeds:
    """What templates read besides the user: fact -> type, and event -> its declared properties."""

    facts: Mapping[str, ValueType] = field(default_factory=dict)
    events: Mapping[str, Sequence[str]] = field(default_factory=dict)


def template_needs(catalog: FactCatalog, libraries: Iterable[TemplateLibrary]) -> TemplateNeeds:
    """Return the declared facts that templates read, and the properties of all declared events."""
    read = {
        variable.name
        for library in libraries
        for name, channel in library.names()
        for variable in library.variables(name, channel)
    }
    if "facts" in read:  # a template loops over them all
        wanted = set(catalog.facts)
    else:
        wanted = {name.split(".")[1] for name in read if name.startswith("facts.")}
    facts = {name: fact.type for name, fact in catalog.facts.items() if name in wanted}
    return TemplateNeeds(facts, {name: tuple(properties) for name, properties in catalog.events.items()})


@dataclass(frozen=True)
class Templates:
    """The templates that messages are composed with, and what those read."""

    recipe: Recipe
    needs: TemplateNeeds


class TemplatesInUse:
    """The templates of one version of the files, and the kept ones that messages need. Safe to share between threads."""

    def __init__(self, recipe: Recipe, catalog: FactCatalog) -> None:
        self._catalog = catalog
        self._lock = Lock()
        self._asked: frozenset[MessageName] = frozenset()
        self.current = Templates(recipe, template_needs(catalog, [recipe.library]))

    def complete(self, connection: Connection, channel: str, wanted: Iterable[tuple[str, str]]) -> Templates:
        """Return the templates with all that are kept of ``wanted``: names of messages by ``channel``, and their locales.

        Each is read from the store once.
        """
        library = self.current.recipe.library
        missing = {(name, channel) for name, locale in wanted if library.path_of(name, channel, locale) is None}
        if missing - self._asked and library.blocks(channel) is not None:
            with self._lock:
                self._read(connection, missing - self._asked)
        return self.current

    def _read(self, connection: Connection, missing: Collection[MessageName]) -> None:
        recipe = self.current.recipe
        if found := read_kept(connection, recipe.library, missing):
            recipe = replace(recipe, kept={**recipe.kept, **found})
            needs = template_needs(self._catalog, [recipe.library, *recipe.kept.values()])
            self.current = Templates(recipe, needs)
        self._asked |= set(missing)


def read_kept(
    connection: Connection, library: TemplateLibrary, wanted: Iterable[MessageName]
) -> dict[MessageName, TemplateLibrary]:
    """Return those of ``wanted`` that a stored version has for readers of any language, each in the newest such version.

    ``library`` has the templates of today, for the same brand.
    """
    stored: dict[str, TemplateLibrary] = {}
    sought: dict[str, list[MessageName]] = {}
    for name, channel in sorted(wanted):
        for bundle in bundles_with(connection, f"{TEMPLATES}/{name}.{channel}."):
            past = stored.get(bundle.version) or library.others(bundle.templates)
            if past.path_of(name, channel) is not None:
                stored[bundle.version] = past  # those without it are not: there may be a thousand of them
                sought.setdefault(bundle.version, []).append((name, channel))
                break
    kept: dict[MessageName, TemplateLibrary] = {}
    for version, names in sought.items():
        kept |= dict.fromkeys(names, stored[version].only(names))
    return kept
