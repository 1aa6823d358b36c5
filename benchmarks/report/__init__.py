"""Tables, the page in docs/, and its plots."""
