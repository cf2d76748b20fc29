"""Cut points of a store made by the program before revision 0002 are kept when it is migrated."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from engine.facts.sources.quantile import read_cuts
from engine.store import migrations
from engine.store.database import Database
from engine.store.state_table import migrate


def test_cut_points_keep_their_values_and_their_instant(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__path__[0])))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text("INSERT INTO cut_points (fact, cuts, calibrated_at) VALUES ('score', '[1.5, 2.0]', 1700000000000)")
        )
    migrate(database)
    with database.write() as connection:
        assert read_cuts(connection) == {"score": (1.5, 2.0)}
        connection.execute(
            text("INSERT INTO cut_points (fact, cuts, calibrated_at) VALUES ('score', '[3.0]', 1700000000001)")
        )
        assert read_cuts(connection) == {"score": (3.0,)}
    database.close()
