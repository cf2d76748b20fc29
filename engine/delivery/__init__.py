"""Gates, rendering, dispatch: from an action to the wire and back into the log."""
