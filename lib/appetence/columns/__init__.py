"""Column -> Column helpers for French customer data: pure Spark expressions, no session, no Python function in the plan."""
