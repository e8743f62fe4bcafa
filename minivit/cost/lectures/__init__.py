"""Numbers that the slides of a course on attention and ViT state, by topic, each beside what comes out here."""
