"""The edge: configuration, session, secrets, clock, locks, logs and what is printed for people."""
