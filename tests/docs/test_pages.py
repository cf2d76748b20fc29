"""The pages are consistent: every link has a target, the index lists every page, pictures can be displayed."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


def broken(page: Path) -> list[str]:
    """Return the links of a page that lead nowhere within the project."""
    return [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not _leads(page, link)]


def _leads(page: Path, link: str) -> bool:
    if link.startswith("https://"):
        return True
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(page: Path) -> set[str]:
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page\n[a](page.md) [b](nowhere.md) [c](#a-page) [d](#gone)\n", encoding="utf-8")
    assert broken(page) == ["nowhere.md", "#gone"]


@pytest.mark.parametrize("start", [ROOT / "README.md", DOCS / "index.md"], ids=lambda page: page.name)
def test_every_page_can_be_found_from(start: Path) -> None:
    links = {(start.parent / link).resolve() for link in LINK.findall(start.read_text(encoding="utf-8"))}
    assert [page.name for page in DOCS.glob("*.md") if page.name != "index.md" and page.resolve() not in links] == []


@pytest.mark.parametrize("picture", sorted(DOCS.rglob("*.svg")), ids=lambda picture: picture.name)
def test_a_picture_is_shown_and_can_be_read_aloud(picture: Path) -> None:
    drawing = ET.parse(picture).getroot()
    space = "{http://www.w3.org/2000/svg}"
    assert drawing.find(f"{space}title") is not None
    assert drawing.find(f"{space}desc") is not None
    assert "prefers-color-scheme: dark" in picture.read_text(encoding="utf-8")
    assert any(picture.name in page.read_text(encoding="utf-8") for page in PAGES)


def test_no_line_of_a_page_ends_in_the_middle_of_a_fence() -> None:
    for page in PAGES:
        assert page.read_text(encoding="utf-8").count("```") % 2 == 0, page.name
