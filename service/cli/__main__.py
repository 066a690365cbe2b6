"""`python -m service.cli` is `citewell`."""

from service.cli import main

if __name__ == "__main__":
    main()
