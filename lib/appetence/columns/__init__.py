"""Helpers for French customer data, Column -> Column, and for positions over many rows: Spark expressions, no session, no Python in the plan."""
