"""Users and events in: files become rows, rows become the store's, a second time changes nothing."""
