"""What every store must do alike: the same tests against each, and real ones only."""
