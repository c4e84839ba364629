"""Pages and plots for people: rows of the lake's tables in, self-contained HTML and matplotlib figures out."""
