"""`python -m gateway` and the console script `siak-gateway`."""

from gateway.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
