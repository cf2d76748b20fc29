"""Telling staff, over the services that Apprise knows, what ``habitue status`` says needs a person."""
