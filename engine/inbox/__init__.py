"""Messages kept for the brand's own app: who keeps them, how they are read, and when they go."""
