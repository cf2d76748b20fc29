"""The kinds of fact sources, one file each; kinds that differ in one word of SQL share a file."""

from engine.facts.sources.attribute import ATTRIBUTE
from engine.facts.sources.average import AVERAGE
from engine.facts.sources.base import FactSourceKind
from engine.facts.sources.count import COUNT
from engine.facts.sources.distinct import DISTINCT
from engine.facts.sources.expr import EXPR
from engine.facts.sources.first_last import FIRST, LAST
from engine.facts.sources.min_max import MAX, MIN
from engine.facts.sources.quantile import QUANTILE
from engine.facts.sources.sum import SUM

__all__ = ["FACT_SOURCES", "FactSourceKind"]

FACT_SOURCES: tuple[FactSourceKind, ...] = (
    COUNT,
    SUM,
    MIN,
    MAX,
    AVERAGE,
    FIRST,
    LAST,
    DISTINCT,
    ATTRIBUTE,
    EXPR,
    QUANTILE,
)
"""The kinds that ship with the program, in the order in which messages list them."""
