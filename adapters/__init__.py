"""Providers. ``base.py`` is the port; each provider has files of its own."""
