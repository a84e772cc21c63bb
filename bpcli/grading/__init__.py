"""A class's hand-ins marked, kept and handed back: what `bpcli grade` and `bpcli report` are made of."""
