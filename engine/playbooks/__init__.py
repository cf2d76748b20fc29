"""Triggers, enrolments, steps: what to do for a user, from trigger to exit."""
