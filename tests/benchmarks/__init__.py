"""Speed, as ratios taken side by side in one run; run by hand, each prints what it found."""
