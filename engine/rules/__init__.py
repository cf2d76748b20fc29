"""Dimensions and decisions: who stands where, and which rule says so."""
