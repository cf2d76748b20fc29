"""Kinds of triggers and steps: each is known to its folder alone, and told by its key."""

from pathlib import Path

from engine.playbooks.steps import STEPS
from engine.playbooks.triggers import TRIGGERS

ROOT = Path(__file__).parents[2]


def test_no_module_outside_the_folder_knows_a_kind() -> None:
    """What one has to know of a kind, its file says; so adding one is a file and a line."""
    forms = (*(trigger.form for trigger in TRIGGERS), *(step.form for step in STEPS))
    modules = {form.__module__ for form in forms}
    assert len(modules) == len(forms)
    folders = (ROOT / "engine/playbooks/triggers", ROOT / "engine/playbooks/steps")
    knowing = [
        (str(path.relative_to(ROOT)), module)
        for path in [*ROOT.glob("engine/**/*.py"), *ROOT.glob("adapters/**/*.py")]
        if path.parent not in folders
        for module in modules
        if f"{module} " in path.read_text(encoding="utf-8")
    ]
    assert knowing == []
