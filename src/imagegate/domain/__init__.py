"""Words of the product as frozen values and pure functions; standard library only."""
