"""The web door: what others call over HTTP. Each family of routes is one file, and a line in ``FAMILIES``."""
