"""Who could serve a request, in which order, and who rests. Pure: clock and randomness are passed in."""
