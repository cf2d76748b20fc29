"""Importing users and events: files become rows, rows are written to the store, and a second import changes nothing."""
