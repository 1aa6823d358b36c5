"""The tests mirror ``src/imagegate``; ``support`` and ``simulators`` are shared by all of them."""
