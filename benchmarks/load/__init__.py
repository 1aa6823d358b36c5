"""The load generators: wrk for small requests, our own for uploads, streams and exact counts."""
