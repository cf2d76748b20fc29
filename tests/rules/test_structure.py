"""What is wrong with the structure of a dimension, beyond the mistakes in tests/check."""

from engine.content.bundle import Bundle
from engine.facts.catalog import load_catalog
from engine.rules.ruleset import load_rules
from tests.rules.reference import FACTS, FILES

LONG = "a_segment_whose_name_tells_a_whole_story"


def test_a_segment_whose_column_would_have_too_long_a_name() -> None:
    needs = FILES["rules/needs.toml"].replace('name = "needs"', 'name = "what_they_need_from_us"')
    bundle = Bundle(
        {"rules/facts.toml": FACTS, "rules/value.toml": FILES["rules/value.toml"], "rules/needs.toml": needs}
    )
    catalog, _ = load_catalog(bundle, 100)
    assert load_rules(bundle, catalog)[1] == []
    longer = Bundle({**bundle.files, "rules/needs.toml": needs.replace("premium", LONG)})
    (finding,) = load_rules(longer, catalog)[1]
    assert (finding.file, finding.line) == ("rules/needs.toml", 11)
    assert "62 characters, too long for a column name; the maximum is 55" in finding.message
