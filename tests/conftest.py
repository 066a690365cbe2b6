"""What holds for all tests."""

from hypothesis import settings

# How long an example takes says more about the machine than about the code; what is slow is measured in benchmarks.
settings.register_profile("citewell", deadline=None)
settings.load_profile("citewell")
