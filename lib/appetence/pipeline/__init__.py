"""One step per job: read contracts, call pure functions, write contracts. Only here do data, session, clock and files meet."""
