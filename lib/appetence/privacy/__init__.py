"""Rights, erasure, retention and proof: what a person may ask, what is done about it, and how it is shown to be done."""
