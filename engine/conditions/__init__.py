"""The condition language: SQL boolean expressions over facts and placements."""
