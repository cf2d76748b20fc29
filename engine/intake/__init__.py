"""Users and events in."""
