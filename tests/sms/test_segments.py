"""Segments of text messages, against the alphabet of 3GPP TS 23.038 in its own order and Python's UTF-16."""

from hypothesis import example, given
from hypothesis import strategies as st

from engine.messages.segments import BASIC, EXTENDED, PLAIN, SPACES, Encoding, count_segments, split, typographic

# The rows are those of the table in the specification: 0x00 to 0x7F, with the escape at 0x1B.
ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
ESCAPED = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}

gsm = st.text(st.sampled_from(sorted(BASIC | EXTENDED)), max_size=700)
wide = st.text(st.sampled_from("ab你好ж€{😀🎉\U00020000"), max_size=400)


def septets(text: str) -> list[int]:
    """Return the places that a text takes in the alphabet."""
    return [code for one in text for code in ([0x1B, ESCAPED[one]] if one in ESCAPED else [ALPHABET.index(one)])]


def places(text: str, encoding: Encoding) -> int:
    return len(septets(text)) if encoding is Encoding.GSM_7 else len(text.encode("utf-16-be")) // 2


def test_the_alphabet_is_that_of_the_specification() -> None:
    assert len(ALPHABET) == 128
    assert set(ALPHABET) - {"\x1b"} == BASIC
    assert set(ESCAPED) == EXTENDED


@given(gsm | wide)
@example("a" * 160)
@example("a" * 161)
@example("a" * 152 + "€" + "a" * 20)
@example("你" * 70)
@example("你" * 66 + "😀" + "你" * 10)
def test_segments_are_as_few_as_there_can_be(text: str) -> None:
    found = count_segments(text)
    assert found.encoding is (Encoding.UCS_2 if set(text) - BASIC - EXTENDED else Encoding.GSM_7)
    assert found.length == places(text, found.encoding)
    single, room = (160, 153) if found.encoding is Encoding.GSM_7 else (70, 67)
    if found.length <= single:
        assert found.number == 1
        return
    parts = split(text, found.encoding)
    assert "".join(parts) == text
    assert len(parts) == found.number
    for part, following in zip(parts, [*parts[1:], ""], strict=True):
        assert places(part, found.encoding) <= room
        # No segment ends early: the next character does not fit, whole as it is.
        assert not following or places(part + following[0], found.encoding) > room


def test_the_limits() -> None:
    assert [count_segments("a" * many).number for many in (0, 1, 160, 161, 306, 307)] == [1, 1, 1, 2, 2, 3]
    assert [count_segments("你" * many).number for many in (70, 71, 134, 135)] == [1, 2, 2, 3]
    assert [count_segments("€" * many).number for many in (80, 81, 152, 153)] == [1, 2, 2, 3]
    assert [count_segments("😀" * many).number for many in (35, 36, 66, 67)] == [1, 2, 2, 3]
    # An escape is not parted from what it escapes: 153 places would be 152 and half of a sign.
    assert split("a" * 152 + "€" + "b", Encoding.GSM_7) == ["a" * 152, "€b"]
    assert split("你" * 66 + "😀" + "b", Encoding.UCS_2) == ["你" * 66, "😀b"]


@given(gsm | wide)
def test_foreign_characters_are_named_once_in_their_order(text: str) -> None:
    foreign = [one for one in text if one not in ALPHABET and one not in ESCAPED]
    assert count_segments(text).foreign == tuple(dict.fromkeys(foreign))


def test_what_stands_in_for_typography_is_in_the_alphabet() -> None:
    for character, instead in PLAIN.items():
        assert character not in BASIC | EXTENDED
        assert set(instead) <= BASIC
    assert {chr(code) for code in SPACES}.isdisjoint(BASIC | EXTENDED)
    assert set(SPACES.values()) == {" "}


@given(st.text(st.sampled_from("ab é’“…–\u00a0你"), max_size=40))
def test_typography_is_to_blame_only_if_nothing_else_is(text: str) -> None:
    guilty = typographic(text)
    assert bool(guilty) is ("你" not in text and not set("’“…–").isdisjoint(text))
    if guilty:
        plain = "".join(PLAIN.get(one, one) for one in text.translate(SPACES))
        assert count_segments(plain).encoding is Encoding.GSM_7
