"""The text part that is derived from a page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RenderError
from engine.messages.email.plaintext import DEEPEST, check_depth, text_of
from tests.rendering import words


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One,\n  two</p>\n<p>three</p>", "One, two\n\nthree"),
        ("<h1>Hi</h1><div>a</div><div>b</div>", "Hi\n\na\nb"),
        ("a<br>b<br><br>c", "a\nb\n\nc"),
        ('<p>See <a href="https://example.com/x?a=1&amp;b=2">the shop</a>.</p>', "See the shop <https://example.com/x?a=1&b=2>."),
        ('<a href="mailto:care@example.com">Write</a> or <a href="tel:+4930">call</a>', "Write <care@example.com> or call <tel:+4930>"),
        ('<a href="#top">Up</a> <a name="x">here</a>', "Up here"),
        ("<p>x</p><ul><li>a</li><li>b <b>bold</b></li></ul><p>y</p>", "x\n\n  - a\n  - b bold\n\ny"),
        ("<ol><li>a<li>b<ul><li>c</ul><li>d</ol>", "1. a\n  2. b\n    - c\n  3. d"),
        ("<table><tr><td>Tea</td><td>4.90</td></tr><tr><td>Milk</td></tr></table>", "Tea 4.90\nMilk"),
        ('<p>seen<span style="color: red; display:none">not</span> too</p>', "seen too"),
        ('<div style="display: none"><div><br>x</div></div>y', "y"),
        ("<head><title>t</title><style>p{}</style></head><body>x</body>", "x"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("a<hr>b", "a\n\n* * *\n\nb"),
        ("&lt;b&gt; &amp; &#228; *x* _y_ 1. # z", "<b> & ä *x* _y_ 1. # z"),
        ('<img src="https://example.com/x.png" alt="x">a\u00a0b\u00a0', "a\u00a0b"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_page_as_text(html: str, text: str) -> None:
    assert text_of(html) == f"{text}\n"


@given(st.text("<>/ab p\"'=&;#-!", max_size=200))
def test_any_page_has_a_text(html: str) -> None:
    assert text_of(html).endswith("\n")
    assert "\n\n\n" not in text_of(html)


@pytest.mark.parametrize(
    "html", ["<div>" * 9_000 + "x" + "</div>" * 9_000, "<b>" * 20_000 + "x", "<table><tr><td>" * 9_000]
)
def test_deep_nesting_is_an_error_that_says_so_and_no_crash(html: str) -> None:
    with pytest.raises(
        RenderError, match=r"a\.email\.j2: the HTML has more than 200 levels of nested elements"
    ) as caught:
        words(html)
    assert caught.value.reason == "template_unsafe"


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * (DEEPEST - 1) + "x" + "</div>" * (DEEPEST - 1),
        "<p>x" * 20_000,
        "<ul>" + "<li>x" * 20_000 + "</ul>",
        "<table>" + "<tr><td>x<td>y" * 20_000 + "</table>",
        "<br/>" * 20_000,
        "<div></div></div></p>" * 20_000,
    ],
)
def test_long_pages_are_not_deep(html: str) -> None:
    check_depth(html)
    assert text_of(html)
