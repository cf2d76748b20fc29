import gzip
import io
import json
import sys
from types import SimpleNamespace

import pytest

from engine.clock import DAY
from engine.content.declared import Declared
from engine.content.value_types import ValueType
from engine.errors import InputError
from engine.intake.files.importing import import_events
from engine.intake.files.options import ImportOptions, parse_map
from engine.intake.files.source import Source
from engine.intake.rows.model import EventRow
from engine.intake.write.events import write_events
from tests.intake.intake_store import DECLARED, NOW, Intake

ORDERS = """event_id,customer_id,event,at,amount,category,items,note
e1,ann,order_completed,2026-01-02T10:00:00Z,12.50,beauty,2,first
e2,ben,order_completed,2026-01-03,"1,000.00",home,1,
e3,ann,order_completed,2026-01-01,7.00,beauty,,
"""
JANUARY_1 = 1767225600000


def test_events_and_their_users_come_in(intake: Intake) -> None:
    summary = intake.events(ORDERS)
    assert (summary.read, summary.new, summary.same, summary.rejected, summary.users_made) == (3, 3, 0, 0, 2)
    assert (summary.first_at, summary.last_at) == (JANUARY_1, JANUARY_1 + 2 * DAY)
    assert summary.events == {"order_completed": 3}
    assert summary.taken == {"key": "event_id", "user": "customer_id", "name": "event", "at": "at", "amount": "amount"}
    assert summary.kept == ("category", "items", "note")
    rows = intake.query("SELECT key, at, amount, properties, received_at FROM event ORDER BY key")
    assert [(key, at, amount, received) for key, at, amount, _, received in rows] == [
        ("e1", JANUARY_1 + DAY + 36_000_000, 1250, NOW),
        ("e2", JANUARY_1 + 2 * DAY, 100000, NOW),
        ("e3", JANUARY_1, 700, NOW),
    ]
    kept = [value if isinstance(value, dict) else json.loads(value) for _, _, _, value, _ in rows]
    assert kept == [
        {"category": "beauty", "items": 2, "note": "first"},
        {"category": "home", "items": 1},
        {"category": "beauty"},
    ]
    assert intake.query("SELECT key, first_seen_at FROM users ORDER BY key") == [
        ("ann", JANUARY_1),
        ("ben", JANUARY_1 + 2 * DAY),
    ]
    assert intake.news() == {
        "ann": {(0, "behaviour"), (JANUARY_1, "import")},
        "ben": {(0, "behaviour"), (JANUARY_1 + 2 * DAY, "import")},
    }


def test_the_same_file_again_changes_nothing(intake: Intake) -> None:
    intake.events(ORDERS)
    intake.news()
    before = intake.stored()
    again = intake.events(ORDERS)
    assert (again.finished_before, again.read, again.new) == (True, 3, 0)
    through = intake.events(ORDERS, again=True)
    assert (through.finished_before, through.new, through.same) == (False, 0, 3)
    other = intake.events(ORDERS + "\n", name="other.csv")
    assert (other.finished_before, other.new, other.same) == (False, 0, 3)
    assert intake.stored() == before
    assert intake.news() == {}


def test_only_users_with_new_events_become_due(intake: Intake) -> None:
    intake.events(ORDERS)
    intake.news()
    late = "e1,ann,order_completed,2026-01-02T10:00:00Z,12.50\ne9,ben,order_completed,2025-06-01,1.00\n"
    intake.events("event_id,customer_id,event,at,amount\n" + late, name="late.csv")
    assert intake.query("SELECT key, first_seen_at FROM users ORDER BY 1") == [
        ("ann", JANUARY_1),
        ("ben", 1748736000000),
    ]
    assert intake.news() == {"ben": {(1748736000000, "import")}}


def test_an_event_of_the_future_makes_due_when_it_happens(intake: Intake) -> None:
    intake.events(ORDERS)
    intake.news()
    intake.events("event_id,user,event,at\nf1,ann,visited,2040-01-01\n", name="future.csv")
    assert intake.news() == {"ann": {(2208988800000, "behaviour")}}
    assert intake.query("SELECT first_seen_at FROM users WHERE key = 'ann'") == [(JANUARY_1,)]


def test_rows_without_a_key_count_as_often_as_they_stand_there(intake: Intake) -> None:
    rows = (
        "user,event,at,amount\n" + "ann,order_completed,2026-01-01,5.00\n" * 3 + "ann,order_completed,2026-01-01,6.00\n"
    )
    assert intake.events(rows, chunk=2).new == 4
    assert intake.events(rows, again=True).same == 4
    # A longer export of the same source holds those rows and one more.
    longer = intake.events(rows + "ann,order_completed,2026-01-01,5.00\n", name="longer.csv", chunk=3)
    assert (longer.new, longer.same) == (1, 4)


def test_a_type_declared_later_does_not_double_events_without_a_key(intake: Intake) -> None:
    rows = "user,event,at,amount,size\nann,visited,2026-01-01,5.00,12\n"
    intake.events(rows)
    later = Declared({"visited": {"size": ValueType.INTEGER, "amount": ValueType.MONEY}})
    summary = import_events(
        intake.database, Source(intake.file(rows, "events.csv")), later, ImportOptions(), intake.clock
    )
    assert (summary.finished_before, summary.new, summary.same) == (False, 0, 1)


def test_any_column_names_and_constants(intake: Intake) -> None:
    columns, constants = parse_map(
        ["user=Kunde", "at=Datum", "amount=Betrag", "name==order_completed", "category==home"]
    )
    text = "Kunde;Datum;Betrag;Anzahl Artikel\n7;01.02.2026;1.234,50;3\n"
    summary = intake.events(text, columns=columns, constants=constants, date_format="%d.%m.%Y", decimal=",")
    assert (summary.new, summary.kept) == (1, ("anzahl_artikel",))
    [(at, amount, properties)] = intake.query("SELECT at, amount, CAST(properties AS text) FROM event")
    assert (at, amount) == (1769904000000, 123450)
    assert json.loads(properties) == {"anzahl_artikel": "3", "category": "home"}


def test_bad_rows_go_into_a_file_and_the_rest_goes_in(intake: Intake) -> None:
    bad = """event_id,customer_id,event,at,amount,items
e1,ann,order_completed,2026-01-01,1.00,1
e2,,order_completed,2026-01-01,1.00,1
e3,ann,order_completed,tomorrow,1.00,1
e4,ann,order_completed,2026-01-01,1.005,1
e5,ann,order_completed,2026-01-01,1.00,many
e6,ann,order_completed,2026-01-01
e7,ann,,2026-01-01,1.00,1

"=2+3","@ann",order_completed,,-1.00,1
e8,ann,order_completed,2026-01-01,-1.00,1
"""
    summary = intake.events(bad, chunk=3)
    assert (summary.read, summary.new, summary.rejected) == (9, 2, 7)
    header, *lines = intake.rejected().splitlines()
    assert header == "rejected_line,rejected_reason,rejected_remedy,event_id,customer_id,event,at,amount,items"
    assert [line.split(",")[:2] for line in lines] == [
        ["3", "no user"], ["4", "at: not a date or time"], ["5", "amount: more decimals than the currency has"],
        ["6", "items: not a number"], ["7", "4 cells for 6 columns"], ["8", "no event name"], ["10", "no time"],
    ]  # fmt: skip
    assert lines[-1] == "10,no time,fill in the time,'=2+3,'@ann,order_completed,,'-1.00,1"


def test_the_corrected_file_of_rejected_rows_is_imported_as_it_is(intake: Intake) -> None:
    intake.events("event_id,user,event,at,amount\ne1,ann,order_completed,2026-13-01,-1.00\n")
    corrected = intake.rejected().replace("2026-13-01", "2026-12-01")
    summary = intake.events(corrected, name="corrected.csv")
    assert (summary.new, summary.rejected) == (1, 0)
    assert intake.query("SELECT key, amount, properties FROM event") == [("e1", -100, None)]


def test_a_run_without_rejected_rows_empties_the_file_of_an_earlier_one(intake: Intake) -> None:
    intake.events("event_id,user,event,at\ne1,ann,visited,never\n")
    assert intake.rejected().count("\n") == 2
    intake.events("event_id,user,event,at\ne1,ann,visited,2026-01-01\n")
    assert intake.rejected() == "rejected_line,rejected_reason,rejected_remedy,event_id,user,event,at\n"


def test_json_lines_of_the_segment_protocol(intake: Intake) -> None:
    calls = [
        {"type": "track", "messageId": "m1", "userId": "ann", "event": "Order Completed",
         "timestamp": "2026-01-01T00:00:00Z", "context": {"ip": "::1"},
         "properties": {"amount": 12.5, "category": "beauty", "name": "gift", "tags": ["a", 1, True]}},
        {"type": "track", "messageId": "m2", "userId": 7, "event": "survey_answered",
         "timestamp": "2026-01-01T00:00:00Z", "properties": {"items": True}},
        {"type": "identify", "messageId": "m3", "userId": "ann", "timestamp": "2026-01-01T00:00:00Z"},
    ]  # fmt: skip
    text = "\n".join(map(json.dumps, calls)) + "\nnot json\n[1]\n"
    summary = intake.events(text, name="calls.jsonl")
    assert (summary.read, summary.new, summary.rejected) == (5, 2, 3)
    assert set(summary.ignored) == {"type", "context"}
    rows = intake.query(
        "SELECT u.key, e.key, e.name, e.amount, CAST(e.properties AS text) FROM event e JOIN users u ON u.id = e.user_id ORDER BY e.key"
    )
    assert [row[:4] for row in rows] == [("ann", "m1", "order_completed", 1250), ("7", "m2", "survey_answered", None)]
    assert json.loads(rows[0][4]) == {"category": "beauty", "name": "gift", "tags": ["a", 1, True]}
    assert json.loads(rows[1][4]) == {"items": True}
    assert '\n4,"not JSON' in intake.rejected("calls.jsonl")


def test_the_type_of_a_property_depends_on_the_event(intake: Intake) -> None:
    text = "key,user,event,at,items\n1,a,order_completed,2026-01-01,1\n2,a,survey_answered,2026-01-01,1\n3,a,else,2026-01-01,1\n"
    intake.events(text)
    kept = [json.loads(row[0]) for row in intake.query("SELECT CAST(properties AS text) FROM event ORDER BY key")]
    assert [repr(row["items"]) for row in kept] == ["1", "True", "'1'"]


def test_events_that_are_not_declared_are_taken_and_named(intake: Intake) -> None:
    summary = intake.events("key,user,event,at\n1,a,order_complete,2026-01-01\n")
    assert summary.new == 1
    assert summary.unknown_events == ["order_complete; did you mean `order_completed`?"]


def test_packed_marked_and_from_standard_input(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    assert intake.events(gzip.compress(b"\xef\xbb\xbf" + ORDERS.encode()), name="orders.csv.gz").new == 3
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(ORDERS.encode())))
    options = ImportOptions(rejected=intake.folder / "rejected.csv")
    summary = import_events(intake.database, Source(None), DECLARED, options, intake.clock)
    assert (summary.source, summary.same) == ("stdin", 3)


def test_a_dry_run_stores_nothing(intake: Intake) -> None:
    summary = intake.events(ORDERS + "e5,ann,order_completed,never,1.00,,,\n", dry_run=True)
    assert (summary.read, summary.new, summary.rejected, summary.dry_run) == (4, 0, 1, True)
    assert intake.stored() == []
    assert intake.query("SELECT count(*) FROM import_file") == [(0,)]
    assert intake.events(ORDERS).new == 3


def test_a_name_that_maps_nothing_is_refused(sqlite_intake: Intake) -> None:
    with pytest.raises(InputError, match=r"no column `custmer_id`; did you mean `customer_id`"):
        sqlite_intake.events(ORDERS, columns={"user": "custmer_id"})
    with pytest.raises(InputError, match=r"--map name=COLUMN, or give one for all rows with --map name==TEXT"):
        sqlite_intake.events("user,at\na,2026-01-01\n")
    with pytest.raises(InputError, match="target=column"):
        parse_map(["user"])
    with pytest.raises(InputError, match="twice"):
        parse_map(["user=a", "user==b"])


def test_written_in_memory(intake: Intake) -> None:
    rows = [
        EventRow("k1", "ann", "visited", 1000, None, None),
        EventRow("k1", "ann", "visited", 1000, None, None),
        EventRow("k2", 'b"\\n ü', "visited", 2000, 5, '{"page": "ü"}'),
    ]
    with intake.database.write() as connection:
        written = write_events(connection, intake.database.dialect, rows, NOW)
        assert (written.new, written.same, written.users_made) == (2, 1, 2)
        assert write_events(connection, intake.database.dialect, rows[:1], NOW).same == 1
        assert write_events(connection, intake.database.dialect, [], NOW).new == 0
    assert intake.query("SELECT key FROM users ORDER BY first_seen_at") == [("ann",), ('b"\\n ü',)]
