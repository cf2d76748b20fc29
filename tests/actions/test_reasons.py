"""Every reason in the log is declared once, with its sentence."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import engine
from engine.actions.described_enum import DescribedEnum
from engine.actions.reasons import LedgerReason, Reasons
from engine.actions.states import State
from engine.kinds import SHIPPED


def declared() -> Iterator[type[DescribedEnum]]:
    """Yield every set of words that the program declares but the states."""
    for module in pkgutil.walk_packages(engine.__path__, "engine."):
        if not module.name.endswith("__main__") and ".migrations." not in module.name:
            importlib.import_module(module.name)
    waiting = [DescribedEnum]
    while waiting:
        for one in waiting.pop().__subclasses__():
            waiting.append(one)
            if one is not State and one.__module__.startswith("engine."):
                yield one


def test_no_word_is_declared_twice() -> None:
    seen: dict[str, type] = {}
    for words in declared():
        for word in words:
            assert word.value not in seen, f"{word.value}: {words} and {seen[word.value]}"
            seen[word.value] = words


def test_the_registry_has_them_all() -> None:
    known = {reason.value for reason in SHIPPED.reasons}
    of_adapters = {reason.value for kind in SHIPPED.adapters for reason in kind.reasons}
    assert {word.value for words in declared() for word in words} == known - of_adapters
    assert of_adapters <= known


def test_the_same_word_from_two_is_refused_and_the_same_object_is_not() -> None:
    class Mine(DescribedEnum):
        CLAIMED = "claimed", "I say so."

    assert len(list(Reasons([*LedgerReason, *LedgerReason]))) == len(LedgerReason)
    with pytest.raises(ValueError, match="the reason `claimed` is declared twice"):
        Reasons([*LedgerReason, *Mine])


def test_a_word_that_nobody_declares_has_no_sentence() -> None:
    assert SHIPPED.reasons.sentence("mailbox_full_of_eels") is None
    assert SHIPPED.reasons.sentence("claimed") == "A worker claimed it because it was due."
