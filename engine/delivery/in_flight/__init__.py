"""Which adapter calls had begun when a worker died: see ``table`` (writing) and ``crashed`` (reading)."""
