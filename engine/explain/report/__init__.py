"""Counting what a store has and what was done in it: by place, playbook, reason and day. It reads whole tables."""
