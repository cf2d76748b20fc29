"""Tasks for the brand's people: who gets them, what is done with them, and what their owners are told."""
