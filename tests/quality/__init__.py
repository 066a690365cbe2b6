"""Instruments that measure quality on a real index; run by hand, each prints what it found."""
