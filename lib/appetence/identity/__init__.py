"""Which records are one person, and which persons share a home: blocking, comparison, weights, components, repair, lasting ids."""
