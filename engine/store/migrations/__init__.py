"""Alembic revisions of the fixed tables and of the base of ``user_state``; run by ``state_table.migrate``."""

HEAD = "0013"
"""The newest revision; kept here so that a start on an up-to-date database need not load Alembic."""
