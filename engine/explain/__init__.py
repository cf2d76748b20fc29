"""Read models for people: what is known about a user and why, and the state of the installation. Nothing here writes."""
