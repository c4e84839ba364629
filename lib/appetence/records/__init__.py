"""From delivered lines to clean records, typed transactions and permission events."""
