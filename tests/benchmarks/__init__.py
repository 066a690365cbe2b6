"""Speed and memory, as ratios taken side by side in one run; each prints what it found.

`make bench` runs those that need nothing but `corpus/`; `growth` and `throughput` are run by hand.
"""
