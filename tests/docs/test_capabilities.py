"""The matrix of what adapters can do is what their kinds, classes and code say."""

import ast
from dataclasses import replace

from adapters.base import GivesSendKeys, TellsDeparture
from engine.kinds import SHIPPED
from tests.cost_of_change.pigeon.kind import PIGEON
from tests.docs.capabilities import COLUMNS, Look, matrix, row, shown


def test_the_page_has_the_matrix() -> None:
    assert shown() == matrix(), "run `python -m tests.docs.capabilities`"


def test_it_has_all_adapters_and_says_what_it_says_of_some_only() -> None:
    rows = [row(kind) for kind in SHIPPED.adapters]
    assert len(rows) == len(SHIPPED.adapters) > 10
    for number, column in enumerate(COLUMNS):
        assert len({cells[number] for cells in rows}) > 1, f"{column} says the same of all"


def test_an_adapter_that_it_has_not_seen_is_read() -> None:
    expected = dict.fromkeys(COLUMNS, "yes") | {
        "adapter": "`pigeon`",
        "channel": "sms",
        "platforms": "–",
        "keeps messages only": "–",
        "recognises a second copy": "by a send key",
        "receipts": "delivered, bounced",
    }
    assert dict(zip(COLUMNS, row(PIGEON), strict=True)) == expected
    deaf = dict(zip(COLUMNS, row(replace(PIGEON, receipts=None, review=None, repeatable=True)), strict=True))
    assert (deaf["receipts"], deaf["reviews messages"]) == ("–", "–")
    assert deaf["recognises a second copy"] == "by our key"


def test_the_protocols_are_those_of_the_program() -> None:
    """Of a class, ``isinstance`` cannot be asked: this compares the names that are looked for with the protocols'."""
    assert {name for name in vars(TellsDeparture) if not name.startswith("_")} == {"send_telling"}
    assert {name for name in vars(GivesSendKeys) if not name.startswith("_")} == {"send_keys", "send_key_lifetime"}


def test_a_gone_that_is_never_true_is_none() -> None:
    look = Look(PIGEON)
    look.__dict__["nodes"] = list(ast.walk(ast.parse("Answer(outcome, gone=False)\nAnswer(outcome)")))
    assert not look.gone()
    look.__dict__["nodes"] = list(ast.walk(ast.parse("Answer(outcome, gone=code == 7)")))
    assert look.gone()
