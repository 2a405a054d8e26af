"""Networks that are used: predict, and what freeze returns."""
