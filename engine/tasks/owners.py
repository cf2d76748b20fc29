"""Whose a task is: the owner of the first place in ``tasks.owners`` that the user is in."""

from collections.abc import Collection, Iterator, Mapping

from engine.content.findings import Finding, did_you_mean
from engine.task_settings import TaskSettings

DEFAULT = "default"
_COLUMN = "place_"


def owner_of(owners: Mapping[str, str], state: Mapping[str, object]) -> str:
    """Return the owner of tasks for a user with the columns ``state`` of ``user_state``.

    ``owners`` maps ``dimension=place`` to an owner. A place that the files no longer have is nobody's.
    """
    for key, owner in owners.items():
        dimension, _, place = key.partition("=")
        if _is_in(state.get(f"{_COLUMN}{dimension}"), place):
            return owner
    return owners[DEFAULT]


def _is_in(stored: object, place: str) -> bool:
    """Tell whether the stored place, or one of the stored set of segments, is ``place``."""
    return isinstance(stored, str) and (stored == place or f"|{place}|" in stored)


def check_owners(settings: TaskSettings, places: Mapping[str, Collection[str]], *, used: bool) -> Iterator[Finding]:
    """Yield a finding for each place that no dimension has and, if the channel is ``used``, for each owner told nothing.

    ``places`` are those of each dimension.
    """
    for key in settings.owners:
        dimension, _, place = key.partition("=")
        if key == DEFAULT:
            continue
        if dimension not in places:
            said = f"there is no dimension `{dimension}`{did_you_mean(dimension, places)}"
        elif place not in places[dimension]:
            said = f"`{dimension}` has no place `{place}`{did_you_mean(place, places[dimension])}"
        else:
            continue
        yield Finding("config.toml", 0, f"tasks.owners: `{key}`: {said}")
    for owner in dict.fromkeys(settings.owners.values()):
        if used and owner not in settings.people:
            said = f"tasks.people has no address for `{owner}`, so nobody is told of its tasks"
            yield Finding("config.toml", 0, said, "warning")
