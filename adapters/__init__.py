"""Providers: ``base.py`` is the port; then one provider, one file."""
