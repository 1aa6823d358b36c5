"""``python -m imagegate``."""

from imagegate.cli import main

main()
