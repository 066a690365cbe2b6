"""Tests of Citewell; they mirror `indexer/` and `service/`."""
