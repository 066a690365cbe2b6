"""How good the search is: figures on question files and public sets, and whether a change made it better."""
