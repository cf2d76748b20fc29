"""Getting users and events in: files become rows, rows go into the store, and a second import changes nothing."""
