"""docs/actions.md says what the code says."""

from pathlib import Path

from engine.actions.states import LEASED, LEASED_SQL, WAITING, WAITING_SQL, State
from engine.delivery.gates import GATES
from engine.kinds import SHIPPED

PAGE = (Path(__file__).parents[2] / "docs" / "actions.md").read_text(encoding="utf-8")


def test_every_state_and_reason_has_its_row() -> None:
    written = [line for line in PAGE.splitlines() if line.startswith("| `")]
    of_adapters = {reason.value for kind in SHIPPED.adapters for reason in kind.reasons}  # their own pages have them
    words = [*State, *(reason for reason in SHIPPED.reasons if reason.value not in of_adapters)]
    assert sorted(written) == sorted(f"| `{word.value}` | {word.sentence} |" for word in words)


def test_the_gates_are_listed_in_order() -> None:
    assert ", ".join(gate.name for gate in GATES) in PAGE


def test_every_sentence_is_one() -> None:
    for member in (*State, *SHIPPED.reasons):
        assert member.sentence.endswith(".")
        assert member.value == member.value.lower().replace(" ", "_")


def test_the_sets_of_states_are_those_that_the_indexes_spell() -> None:
    for states, sql in ((WAITING, WAITING_SQL), (LEASED, LEASED_SQL)):
        assert {word.strip("' ") for word in sql.split("(")[1].rstrip(")").split(",")} == set(states)
