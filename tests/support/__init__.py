"""Servers, pictures and guards that tests share."""
