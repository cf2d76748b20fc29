"""docs/brand.md says what the files say."""

import re

from tests.brand import brand

PAGE = (brand.ROOT / "docs" / "brand.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_every_place_has_a_row() -> None:
    told = [(row[0], row[1]) for row in rows("Places, and what is done in each")]
    assert told == [
        (name, place)
        for name in ("value", "activity", "contribution", "lifecycle", "needs")
        for place in brand.places(name)
    ]


def test_every_playbook_is_told_of_and_no_other() -> None:
    words = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert set(brand.playbooks()) <= words


def test_coupons_are_as_declared() -> None:
    for name, kind, worth, days, given in rows("Incentives"):
        coupon = brand.coupons().coupons[name.strip("`")]
        assert (coupon.kind, coupon.worth) == (kind, worth)
        assert coupon.valid == int(days.split()[0]) * 86_400_000
        playbook = brand.playbooks()[re.findall(r"`([a-z_]+)`", given)[0]]
        assert name.strip("`") in brand.coupons_of(playbook)
    assert len(rows("Incentives")) == len(brand.coupons().coupons)


def test_every_event_is_told_of() -> None:
    section = PAGE.split("## The events it uses\n")[1].split("\n## ")[0]
    assert set(brand.facts().events) == set(re.findall(r"`([a-z_]+)`", section))
