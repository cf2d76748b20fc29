"""Dimensions (tiers, stages, segments), and the rules that place users in them."""
