import gzip

import pytest

from engine.errors import InputError
from engine.intake.files.options import ImportOptions
from engine.intake.files.source import Source, open_source
from engine.intake.rows.keys import Ordinals
from tests.intake.intake_store import Intake

HEADER = "key,user,event,at,note\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\n \n", "is empty"),
        ("a,b\n".encode("utf-16"), "UTF-16"),
        (b'[{"userId": "a"}]', "one JSON array"),
        (b"user,,event,at\n", "column 2 has no name"),
        (b"user,user,event,at\n", "two columns are called `user`"),
        (b"b\xe9b\xe9,user\n", "header is not UTF-8"),
        (b'"user,event,at\na,b,2026-01-01\n', "header is not CSV"),
        (b"user:event:at\na:b:c\n", "--delimiter"),
        (b"order total,Order Total,user,event,at\n", "both become `order_total`"),
        (gzip.compress(b"user,event,at\n" * 100, mtime=0)[:-20], "not a complete gzip file"),
    ],
)
def test_files_that_make_no_sense(sqlite_intake: Intake, content: bytes, said: str) -> None:
    name = "data" if content.startswith(b"[") else "data.csv"
    with pytest.raises(InputError, match=said):
        sqlite_intake.events(content, name=name)
    assert sqlite_intake.stored() == []


def test_a_file_cut_off_in_the_middle_of_its_packing(sqlite_intake: Intake) -> None:
    rows = "".join(f"k{number},u{number * 7919 % 10007},visited,2026-01-01,n\n" for number in range(30_000))
    packed = gzip.compress((HEADER + rows).encode())
    with pytest.raises(InputError, match="not a complete gzip file"):
        sqlite_intake.events(packed[: len(packed) // 2], name="cut.csv.gz")
    assert sqlite_intake.events(packed, name="whole.csv.gz").read == 30_000


def test_a_missing_file() -> None:
    from pathlib import Path

    with pytest.raises(InputError, match="cannot be read"), open_source(Source(Path("no such file"))):
        pass


def test_a_header_alone(sqlite_intake: Intake) -> None:
    summary = sqlite_intake.events(HEADER)
    assert (summary.read, summary.new, summary.rejected) == (0, 0, 0)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found_out(sqlite_intake: Intake, delimiter: str) -> None:
    text = (HEADER + "1,a,visited,2026-01-01,x\n").replace(",", delimiter)
    assert sqlite_intake.events(text).new == 1


def test_texts_that_are_not_utf8_reject_their_rows_alone(sqlite_intake: Intake) -> None:
    rows = b"1,a,visited,2026-01-01,caf\xe9\n2,a,visited,2026-01-01,caf\xc3\xa9\n3,a,visited,2026-01-01,\x00\n"
    summary = sqlite_intake.events(HEADER.encode() + rows)
    assert (summary.new, summary.rejected) == (1, 2)
    assert summary.reasons == (("not UTF-8 text", 2),)
    assert "caf\\udce9" in sqlite_intake.rejected()


def test_quotes_line_breaks_and_line_numbers(sqlite_intake: Intake) -> None:
    text = HEADER + '1,a,visited,2026-01-01,"two\nlines, ""quoted"""\n\n2,a,visited,never,\n'
    summary = sqlite_intake.events(text)
    assert (summary.read, summary.new) == (2, 1)
    assert sqlite_intake.rejected().splitlines()[1].startswith("5,at: not a date")
    assert "two" in sqlite_intake.query("SELECT properties FROM event")[0][0]


def test_a_quote_that_is_never_closed(sqlite_intake: Intake) -> None:
    text = HEADER + '1,a,visited,2026-01-01,\n2,a,visited,2026-01-01,"open\n3,a,visited,2026-01-01,\n'
    summary = sqlite_intake.events(text)
    assert (summary.read, summary.new, summary.rejected) == (2, 1, 1)
    assert "not CSV" in sqlite_intake.rejected()


def test_a_stray_quote_costs_its_row_alone(sqlite_intake: Intake) -> None:
    text = HEADER + '1,a,visited,2026-01-01,"x"y\n2,a,visited,2026-01-01,\n'
    summary = sqlite_intake.events(text)
    assert (summary.read, summary.new, summary.rejected) == (2, 1, 1)


def test_windows_line_ends(sqlite_intake: Intake) -> None:
    assert sqlite_intake.events((HEADER + "1,a,visited,2026-01-01,x\n").replace("\n", "\r\n")).new == 1
    assert sqlite_intake.query("SELECT properties FROM event") == [('{"note":"x"}',)]


def test_keys_follow_what_a_row_says_and_how_often() -> None:
    ordinals = Ordinals()
    first = ordinals.keys([b"a", b"b", b"a"])
    assert first == ["row:61", "row:62", "row:61:1"]
    assert ordinals.keys([b"a", b"c"]) == ["row:61:2", "row:63"]
    assert ordinals.keys([]) == []
    ordinals.close()


def test_options_and_types_are_part_of_what_was_imported() -> None:
    assert ImportOptions().digest() != ImportOptions(date_format="%d").digest()
    assert ImportOptions(chunk=1).digest() == ImportOptions().digest()
