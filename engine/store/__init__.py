"""One database: tables, sessions, migrations, the wide ``user_state``. SQLite embedded, PostgreSQL for many workers."""
