"""Delivery: gates, composing, sending, and recording the results."""
