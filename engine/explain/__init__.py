"""Read models for people: what is known of a user and why, how the installation is doing. Nothing here writes."""
