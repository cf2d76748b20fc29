"""The default brand's scores by hand, from the cut points that the program has calibrated."""

from collections.abc import Mapping, Sequence

from bench.population import forget_sweep
from engine.app import App
from engine.clock import Instant
from engine.facts.sources.quantile import read_cuts
from engine.loading import Content
from engine.store.statement import statement
from engine.worker.upkeep import recalibrate

_SCORED = {"monetary_score": "spend_365d", "frequency_score": "orders_365d"}
"""Score -> the fact that is scored."""
SCORES = tuple(_SCORED)

Cuts = Mapping[str, Sequence[float]]
"""The cut points of each score."""


def scores(cuts: Cuts, column: str) -> dict[str, str]:
    """Return score -> its SQL; ``column`` is the SQL of a fact, with ``{}`` for its name."""
    return {score: _score(column.format(fact), cuts.get(score, ())) for score, fact in _SCORED.items()}


def _score(value: str, cuts: Sequence[float]) -> str:
    if not cuts:
        return "CAST(NULL AS BIGINT)"
    steps = " + ".join(f"CASE WHEN {value} > {cut} THEN 1 ELSE 0 END" for cut in cuts)
    return f"CASE WHEN {value} IS NOT NULL THEN 1 + {steps} END"


def write_scores(app: App, content: Content, now: Instant) -> None:
    """Calibrate the scores from the facts that users have, and write them: else the first tick would."""
    recalibrate(app, content, now)
    with app.database.write() as connection:
        forget_sweep(connection)
        changes = (f"fact_{score} = {sql}" for score, sql in scores(read_cuts(connection), "fact_{}").items())
        connection.execute(statement(f"UPDATE user_state SET {', '.join(changes)}"))
