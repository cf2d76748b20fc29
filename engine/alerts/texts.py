"""What an alert says. Nothing in it is about a customer: it goes through services that are not the brand's own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from engine.clock import Instant, iso
from engine.explain.checks.base import several
from engine.explain.health_models import Attention

MOST = 20
"""How many problems one alert describes; of the others it says how many there are."""


@dataclass(frozen=True, slots=True)
class AlertText:
    """One notification."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class EndedProblem:
    """A problem that is over: its check, what it concerned, and since when it had lasted."""

    check: str
    subject: str
    since: Instant


@dataclass(frozen=True, slots=True)
class AlertNews:
    """What one service has not been told yet."""

    new: Sequence[Attention] = field(default=())
    still: Sequence[Attention] = field(default=())
    """Told of before, some time ago."""
    over: Sequence[EndedProblem] = field(default=())

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.new or self.still or self.over)


def alert_text(brand: str, news: AlertNews) -> AlertText:
    """Return the notification that tells ``news``."""
    counts = []
    if news.new:
        counts.append(f"{several(len(news.new), 'new problem')}")
    if news.still:
        counts.append(f"{len(news.still):,} still there")
    if news.over:
        counts.append(f"{len(news.over):,} over")
    return AlertText(f"{brand}: {', '.join(counts)}", "\n".join(_lines(news)))


def try_out(brand: str) -> AlertText:
    """Return the notification with which a person tries out the services."""
    return AlertText(
        f"{brand}: a test",
        "Habitué reaches you here. It will write when `habitue status` finds something for a person.",
    )


def _lines(news: AlertNews) -> Iterator[str]:
    for one in news.new[:MOST]:
        yield from _problem("NEW", one)
    for one in news.still[:MOST]:
        yield from _problem("STILL", one)
    for ended in news.over[:MOST]:
        yield f"OVER {ended.subject} ({ended.check}), since {iso(ended.since)}"
    rest = sum(max(0, len(some) - MOST) for some in (news.new, news.still, news.over))
    if rest:
        yield f"and {rest:,} more: `habitue status` shows what needs a person"


def _problem(word: str, one: Attention) -> Iterator[str]:
    yield f"{word} {one.subject}: {one.message}"
    yield f"  -> {one.remedy}"
