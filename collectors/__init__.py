"""Collectors of a host's metrics: psutil, the client core, and nothing heavier."""
