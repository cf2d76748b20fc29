"""What a person does to what runs: each with who did it and why, and undone where it can be undone."""
