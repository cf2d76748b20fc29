"""Declared facts: from files to SQL to columns of ``user_state``."""
