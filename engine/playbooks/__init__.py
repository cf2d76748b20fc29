"""Playbooks: triggers, enrolments and steps."""
